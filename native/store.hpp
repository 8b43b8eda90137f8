// The points of an index: rows, their projections in blocks, their ids.
//
// Points lie in chunks of fixed size in the order of their ids, so that an insertion moves nothing. A removed point
// keeps its place, its projections become NaN, and when half of the places are such, the living move together.
// A stray is a point whose projections are too large for float32: they become infinite, which no scan finds.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels.hpp"

namespace allmodes {

// How points become projections; the same for the life of an index.
struct Geometry {
    int64_t dim;                // of a point
    int64_t depth;              // directions
    std::vector<float> origin;  // [dim], subtracted first
    std::vector<float> tiles;   // [tiles][dim][16], the directions, zeros beyond the last
    double length;              // of the longest direction

    Geometry(int64_t dim, int64_t depth, const float* origin, const float* directions);
    int64_t tile_count() const { return (depth + BLOCK - 1) / BLOCK; }
    // Row-major projections [n][depth] of rows [n][dim]. A row that is not finite has one that is not.
    void project(const float* rows, int64_t n, float* out) const;
    // Whether float32 can compute with projections [depth]: their squares, summed, must not overflow.
    bool usable(const float* projections) const;
    // How far rounding may have moved a projection of this row, which has these: by its distance from the origin as it
    // is subtracted, and by the partial sums of the product.
    double rounding(const float* row, const float* projections) const;
};

// |a - b|^2, or some number above `bound` as soon as that is certain; right where float32 overflows or vanishes, too.
double squared_distance(const float* a, const float* b, int64_t dim, double bound);

class Store {
public:
    static constexpr int64_t CHUNK = 1024;  // points whose projections stay in a second-level cache

    explicit Store(std::shared_ptr<const Geometry> geometry) : geometry_(std::move(geometry)) {}

    // Adds rows [n][dim] under ascending ids, all above those there, or none if a row is not finite. With `owner` the
    // rows are not copied if the store is empty: the owner keeps them alive and nobody may change them.
    void add(const float* rows, int64_t n, const int64_t* ids, std::shared_ptr<void> owner, int threads = 1);
    // Marks the points as removed; returns the number of ids that are not here, and then removes nothing.
    int64_t remove(const int64_t* ids, int64_t n);
    void clear();

    const Geometry& geometry() const { return *geometry_; }
    int64_t slots() const { return slots_; }
    int64_t size() const { return slots_ - removed_; }
    const std::vector<int64_t>& strays() const { return strays_; }  // ids, ascending
    bool alive(int64_t slot) const;
    bool stray(int64_t slot) const;
    int64_t id(int64_t slot) const { return chunks_[slot / CHUNK].ids[slot % CHUNK]; }
    int64_t slot_of(int64_t id) const;  // -1 if there is none
    const float* row(int64_t slot) const { return chunks_[slot / CHUNK].rows + slot % CHUNK * geometry_->dim; }
    // Projection of a point on a direction; of a removed point NaN.
    float projection(int64_t slot, int64_t direction) const;
    // blocks[.][depth][16] of a chunk, and how many points it has.
    const float* blocks(int64_t chunk) const { return chunks_[chunk].blocks.get(); }
    int64_t chunk_count() const { return static_cast<int64_t>(chunks_.size()); }
    int64_t chunk_size(int64_t chunk) const;
    // Memory beyond the rows.
    int64_t nbytes() const;
    // Whether the last removal moved points to other slots.
    bool compacted() const { return compacted_; }

private:
    struct Free {
        void operator()(float* p) const;
    };
    using Floats = std::unique_ptr<float[], Free>;

    struct Chunk {
        const float* rows = nullptr;
        Floats own;  // holds the rows, unless an owner does
        Floats blocks;
        std::unique_ptr<int64_t[]> ids;  // ascending
        int64_t room = 0;                // points
        std::shared_ptr<void> owner;
    };

    static Floats allocate(int64_t count);
    void reserve(Chunk& chunk, int64_t used, int64_t wanted);
    void borrow(Chunk& chunk, const float* rows, int64_t n, std::shared_ptr<void> owner);
    void place(int64_t slot, const float* projections);
    float* block_of(int64_t slot);
    void compact();

    std::shared_ptr<const Geometry> geometry_;
    std::vector<Chunk> chunks_;
    int64_t slots_ = 0;
    int64_t removed_ = 0;
    std::vector<int64_t> strays_;
    bool compacted_ = false;
};

}  // namespace allmodes
