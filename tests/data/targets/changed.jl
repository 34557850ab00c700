# Types of Mera as a later release might define them.
module Mera
using Dates

# Fields in another order, one with another name, one of another type.
mutable struct GridInfoType
    nstep_coarse::Int
    ngridmax::Int
    nx::Int; ny::Int
    nz::Float64
    levels::Int
    nboundary::Int
    ngrid_current::Int
    bound_key::Vector{Float64}
    cpu_read::Array{Bool,1}
end

# No longer mutable, and a field is gone.
Base.@kwdef struct CompilationInfoType
    compile_date::String = "now"
    patch_dir::String = string("a", 'b', "$(length("end"))")
    remote_repo::String = ""
    local_branch::String = ""
end

# ScalesType003 under a new name, short for a test.
mutable struct FilesContentType2
    makefile::Vector{String}
    timerfile::Vector{String}
    patchfile::Vector{String}
    extra::Any
end

const Level = Int

# As it was, with a loop in its constructor and types under other names.
mutable struct PartInfoType
    eta_sn::Float64
    age_sn::Float64
    f_w::Float64
    Npart::Level
    Ndm::Int64
    Nstars::Int
    Nsinks::Int
    Ncloud::Int
    Ndebris::Int
    Nother::Int
    Nundefined::Int
    other_tracer1::Int
    debris_tracer::Int
    cloud_tracer::Int
    star_tracer::Int
    other_tracer2::Int
    gas_tracer::Int
    function PartInfoType()
        made = new()
        for name in (n for n in fieldnames(PartInfoType) if true)
            name === :end && break
            values = [1, 2, 3]
            values[end] = 0
        end
        return made
    end
end

# Who can tell what this is?
@generated_fields mutable struct FileNamesType
    output::String
end
end
