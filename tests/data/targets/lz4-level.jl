# The codec objects of JLD2 0.6 once JLD2Lz4 has levels.
module JLD2
module Filters
abstract type Filter end
struct Deflate <: Filter
    level::Cuint
    Deflate(level) = new(clamp(level, 0, 9))
end
struct ZstdFilter <: Filter
    level::Int32
end
end
end

module JLD2Lz4
"""
    Lz4Filter(; blocksize, level)
"""
struct Lz4Filter <: JLD2.Filters.Filter
    blocksize::Cuint
    level::Int32
end
Lz4Filter(; blocksize=1 << 30, level=0) = Lz4Filter(blocksize, level)
end
