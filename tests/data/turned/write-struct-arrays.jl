# Real JLD2 0.6.5 wrote `struct-arrays.jld2` with this script and StructArrays 0.6.18, in Julia 1.6.7: the
# values of `structs.jld2` (write.jl), in StructArrays.
using JLD2, StructArrays

module Old
struct Particle; x::Float64; n::Int32; ok::Bool; end
mutable struct Body; m::Float64; name::String; tag::Symbol; end
struct Record; z::ComplexF64; s::String; any::Any; end
struct Box{T}; v::T; end
end

particle(i) = Old.Particle(i / 2, i, isodd(i))
particles(n) = [particle(i) for i in 1:n]
bodies() = [Old.Body(i, "b$i", Symbol("s", i)) for i in 1:3]
records() = [Old.Record(i + 2im, "d$i", i == 1 ? "text" : [i, i]) for i in 1:3]
matrix() = [Old.Particle(i * j, i, isodd(j)) for i in 1:2, j in 1:3]
ps(n = 5) = StructArray(particles(n))

module New
using ..StructArrays, ..Old
const P = typeof(StructArray([Old.Particle(1, 1, true)]))
struct Holder; id::Int; particles::P; end
end

T = typeof(ps())
jldsave(joinpath(ARGS[1], "struct-arrays.jld2"); alone = ps(), matrix = StructArray(matrix()), bodies = StructArray(bodies()),
    records = StructArray(records()), empty = StructArray(Old.Particle[]), one = particle(1), holder = New.Holder(7, ps()),
    holders = [New.Holder(i, ps(i)) for i in 1:3], named = (a = 1, p = ps()), tuple = (ps(), 3),
    dict = Dict("k" => ps(), "l" => ps(2)), box = Old.Box(ps()), type = T, any = Any[ps(), 1],
    union = Union{Nothing,T}[ps(), nothing])
