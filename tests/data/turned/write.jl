# Real JLD2 0.6.5 wrote the files here with this script, in Julia 1.6.7: `julia write.jl DIR`, once with what is
# of structs and once with what is of arrays.
using JLD2

module Old
struct Particle; x::Float64; n::Int32; ok::Bool; end
mutable struct Body; m::Float64; name::String; tag::Symbol; end
struct Record; z::ComplexF64; s::String; any::Any; end
struct Holder; id::Int; particles::Vector{Particle}; end
struct Box{T}; v::T; end
end

module New
using ..Old: Particle
struct Bodies; m::Vector{Float64}; name::Vector{String}; tag::Vector{Symbol}; end
struct Holder; id::Int; particles::NamedTuple{(:x, :n, :ok),Tuple{Vector{Float64},Vector{Int32},Vector{Bool}}}; end
struct Records; z::Vector{ComplexF64}; s::Vector{String}; any::Vector{Any}; end
end

particle(i) = Old.Particle(i / 2, i, isodd(i))
particles(n) = [particle(i) for i in 1:n]
bodies() = [Old.Body(i, "b$i", Symbol("s", i)) for i in 1:3]
records() = [Old.Record(i + 2im, "d$i", i == 1 ? "text" : [i, i]) for i in 1:3]
columns(v) = (x = [p.x for p in v], n = [p.n for p in v], ok = [p.ok for p in v])
columns(v::Vector{Old.Body}) = New.Bodies([b.m for b in v], [b.name for b in v], [b.tag for b in v])
columns(v::Vector{Old.Record}) = New.Records([r.z for r in v], [r.s for r in v], Any[r.any for r in v])
matrix() = [Old.Particle(i * j, i, isodd(j)) for i in 1:2, j in 1:3]

dir = ARGS[1]
for (name, of, holder) in [("structs", identity, Old.Holder), ("arrays", columns, New.Holder)]
    ps(n = 5) = of(particles(n))
    T = typeof(ps())
    jldsave(joinpath(dir, "$name.jld2"); alone = ps(), matrix = of(matrix()), bodies = of(bodies()),
        records = of(records()), empty = of(Old.Particle[]), one = particle(1), holder = holder(7, ps()),
        holders = [holder(i, ps(i)) for i in 1:3], named = (a = 1, p = ps()), tuple = (ps(), 3),
        dict = Dict("k" => ps(), "l" => ps(2)), box = Old.Box(ps()), type = T, any = Any[ps(), 1],
        union = Union{Nothing,T}[ps(), nothing])
    jldopen(joinpath(dir, "$name-deflate.jld2"), "w"; compress = true) do file
        file["big"] = ps(2000)
    end
end
