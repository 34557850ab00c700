# JLD2 in a real Julia: every array of numbers in what JLD2.load gives. Prints as arrays.py says, and
# how many warnings JLD2 gave.
using JLD2, JLD2Lz4
try
    @eval using Mera
catch
end
using Logging, SHA

mutable struct Counting <: AbstractLogger
    count::Int
end
Logging.min_enabled_level(::Counting) = Logging.Warn
Logging.shouldlog(::Counting, args...) = true
Logging.handle_message(logger::Counting, args...; more...) = logger.count += 1

const NUMBERS = Union{Bool,Int8,Int16,Int32,Int64,UInt8,UInt16,UInt32,UInt64,Float16,Float32,Float64}

function collect!(found, met, value)
    if value isa Array{<:NUMBERS}
        if !isempty(value) && ndims(value) > 0
            bytes = value isa Array{Bool} ? UInt8.(vec(value)) : collect(reinterpret(UInt8, vec(value)))
            push!(found, join(reverse(size(value)), "x") * " " * bytes2hex(sha256(bytes)))
        end
        return
    end
    isbits(value) && return
    value isa Union{String,Symbol,Type,Module,Function} && return
    if ismutable(value)
        haskey(met, value) && return
        met[value] = nothing
    end
    if value isa AbstractDict
        for (key, item) in value
            collect!(found, met, key)
            collect!(found, met, item)
        end
    elseif value isa Array
        for at in eachindex(value)
            isassigned(value, at) && collect!(found, met, value[at])
        end
    else
        for at in 1:nfields(value)
            isdefined(value, at) && collect!(found, met, getfield(value, at))
        end
    end
end

quoted(text) = '"' * replace(replace(replace(text, "\\" => "\\\\"), "\"" => "\\\""), r"[\x00-\x1f]" => " ") * '"'

for file in ARGS[2:end]
    found, logger, failed = Set{String}(), Counting(0), "null"
    try
        with_logger(logger) do
            jldopen(file, "r") do open
                pending = ["/"]
                while !isempty(pending)
                    path = pop!(pending)
                    for name in keys(path == "/" ? open : open[path])
                        inner = path == "/" ? name : path * "/" * name
                        item = open[inner]
                        item isa JLD2.Group ? push!(pending, inner) : collect!(found, IdDict(), item)
                    end
                end
            end
        end
    catch error
        failed = quoted(first(sprint(showerror, error), 300))
    end
    arrays = join(quoted.(sort(collect(found))), ", ")
    println("{\"file\": ", quoted(file), ", \"arrays\": [", arrays, "], \"errors\": {}, \"failed\": ", failed,
        ", \"warnings\": ", logger.count, "}")
end
