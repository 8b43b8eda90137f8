#include "store.hpp"

#include "parallel.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>

namespace allmodes {
namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();
constexpr double UNIT = 0x1p-24;      // relative error of a rounding to float32
constexpr float LARGEST = 1e15f;      // projections whose squares float32 can add up
constexpr double VANISHING = 1e-17;   // projections whose squares it cannot tell from 0
constexpr float LEAST = 1e-30f;       // a squared distance below which terms may have vanished

}  // namespace

double squared_distance(const float* a, const float* b, int64_t dim, double bound) {
    constexpr float most = std::numeric_limits<float>::max();
    const float value = kernels().squared_distance(a, b, dim, bound > most ? HUGE_VALF : static_cast<float>(bound));
    const bool sure = value >= LEAST && value <= most;
    return sure ? double{value} : kernels().wide_distance(a, b, dim);
}

Geometry::Geometry(int64_t dim_, int64_t depth_, const float* origin_, const float* directions)
    : dim(dim_), depth(depth_), origin(origin_, origin_ + dim_) {
    tiles.assign(static_cast<size_t>(tile_count() * dim * BLOCK), 0.0f);
    for (int64_t j = 0; j < depth; ++j)
        for (int64_t k = 0; k < dim; ++k)
            tiles[((j / BLOCK) * dim + k) * BLOCK + j % BLOCK] = directions[j * dim + k];
    const std::vector<float> zero(static_cast<size_t>(dim));
    length = 0;
    for (int64_t j = 0; j < depth; ++j)
        length = std::max(length, std::sqrt(squared_distance(directions + j * dim, zero.data(), dim, INFINITE)));
}

bool Geometry::usable(const float* projections) const {
    int64_t large = 0;
    for (int64_t j = 0; j < depth; ++j) large += !(std::fabs(projections[j]) <= LARGEST);  // so is NaN
    return large == 0;
}

double Geometry::rounding(const float* row, const float* projections) const {
    const double away = std::sqrt(squared_distance(row, origin.data(), dim, INFINITE)) * length;
    float largest = 0;
    for (int64_t j = 0; j < depth; ++j) largest = std::max(largest, std::fabs(projections[j]));
    return UNIT * (4 * away + std::sqrt(static_cast<double>(dim)) / 2 * largest) + VANISHING;
}

void Geometry::project(const float* rows, int64_t n, float* out) const {
    const Kernels& inner = kernels();
    const int64_t width = tile_count() * BLOCK;
    thread_local std::vector<float> centred, padded;
    centred.resize(static_cast<size_t>(inner.group * dim));
    padded.resize(static_cast<size_t>(inner.group * width));
    for (int64_t i = 0; i < n; i += inner.group) {
        const int64_t some = std::min(inner.group, n - i);
        inner.project(rows + i * dim, some, dim, origin.data(), tiles.data(), tile_count(), centred.data(),
                      padded.data());
        for (int64_t g = 0; g < some; ++g)
            std::copy_n(padded.data() + g * width, depth, out + (i + g) * depth);
    }
}

void Store::Free::operator()(float* p) const { std::free(p); }

Store::Floats Store::allocate(int64_t count) {
    const size_t bytes = (static_cast<size_t>(count) * sizeof(float) + 63) / 64 * 64;
    auto* p = static_cast<float*>(std::aligned_alloc(64, std::max<size_t>(bytes, 64)));
    if (!p) throw std::bad_alloc();
    return Floats(p);
}

int64_t Store::chunk_size(int64_t chunk) const { return std::min(CHUNK, slots() - chunk * CHUNK); }

float* Store::block_of(int64_t slot) {
    return chunks_[slot / CHUNK].blocks.get() + slot % CHUNK / BLOCK * geometry_->depth * BLOCK + slot % BLOCK;
}

float Store::projection(int64_t slot, int64_t direction) const {
    return const_cast<Store*>(this)->block_of(slot)[direction * BLOCK];
}

bool Store::alive(int64_t slot) const { return !std::isnan(projection(slot, 0)); }

bool Store::stray(int64_t slot) const { return std::isinf(projection(slot, 0)); }

int64_t Store::slot_of(int64_t id) const {
    const auto chunk = std::upper_bound(chunks_.begin(), chunks_.end(), id,
                                        [](int64_t wanted, const Chunk& c) { return wanted < c.ids[0]; });
    if (chunk == chunks_.begin()) return -1;
    const int64_t number = chunk - chunks_.begin() - 1;
    const int64_t* ids = chunks_[number].ids.get();
    const int64_t* found = std::lower_bound(ids, ids + chunk_size(number), id);
    const int64_t slot = number * CHUNK + (found - ids);
    return found != ids + chunk_size(number) && *found == id && alive(slot) ? slot : -1;
}

// Room for `wanted` points in a chunk that holds `used`, in owned memory.
void Store::reserve(Chunk& chunk, int64_t used, int64_t wanted) {
    const int64_t dim = geometry_->dim, depth = geometry_->depth;
    const bool borrowed = chunk.rows && !chunk.own;
    if (wanted <= chunk.room && !borrowed) return;
    const int64_t room = std::min(CHUNK, std::max<int64_t>({wanted, chunk.room * 2, BLOCK}) + BLOCK - 1) / BLOCK * BLOCK;
    Floats rows = allocate(room * dim), blocks = allocate(room * depth);
    std::unique_ptr<int64_t[]> ids(new int64_t[static_cast<size_t>(room)]);
    if (used) {
        std::copy_n(chunk.ids.get(), used, ids.get());
        std::memcpy(rows.get(), chunk.rows, static_cast<size_t>(used * dim) * sizeof(float));
        std::memcpy(blocks.get(), chunk.blocks.get(),
                    static_cast<size_t>((used + BLOCK - 1) / BLOCK * BLOCK * depth) * sizeof(float));
    }
    chunk = Chunk{rows.get(), std::move(rows), std::move(blocks), std::move(ids), room, nullptr};
}

void Store::borrow(Chunk& chunk, const float* rows, int64_t n, std::shared_ptr<void> owner) {
    const int64_t room = (n + BLOCK - 1) / BLOCK * BLOCK;
    std::unique_ptr<int64_t[]> ids(new int64_t[static_cast<size_t>(room)]);
    chunk = Chunk{rows, nullptr, allocate(room * geometry_->depth), std::move(ids), room, std::move(owner)};
}

// Writes projections [depth] into a slot's place, and NaN beside it where its block begins.
void Store::place(int64_t slot, const float* projections) {
    float* block = block_of(slot);
    if (slot % BLOCK == 0)
        std::fill_n(block, geometry_->depth * BLOCK, std::numeric_limits<float>::quiet_NaN());
    for (int64_t j = 0; j < geometry_->depth; ++j) block[j * BLOCK] = projections[j];
}

// Projections of all rows, infinite those of strays; or an exception if a row is not finite.
static std::vector<float> finite_projections(const Geometry& geometry, const float* rows, int64_t n, int threads) {
    std::vector<float> projections(static_cast<size_t>(n * geometry.depth));
    std::atomic<bool> finite{true};
    in_parallel((n + Store::CHUNK - 1) / Store::CHUNK, threads, [&](int64_t chunk) {
        const int64_t first = chunk * Store::CHUNK, some = std::min(Store::CHUNK, n - first);
        float* out = projections.data() + first * geometry.depth;
        geometry.project(rows + first * geometry.dim, some, out);
        for (int64_t i = 0; i < some; ++i) {
            float* own = out + i * geometry.depth;
            if (geometry.usable(own)) continue;
            std::fill_n(own, geometry.depth, std::numeric_limits<float>::infinity());
            const float* row = rows + (first + i) * geometry.dim;
            if (!std::all_of(row, row + geometry.dim, [](float x) { return std::isfinite(x); })) finite = false;
        }
    });
    if (!finite) throw std::invalid_argument("points contain NaN or infinity");
    return projections;
}

void Store::add(const float* rows, int64_t n, const int64_t* ids, std::shared_ptr<void> owner, int threads) {
    if (slots_ + n > std::numeric_limits<uint32_t>::max()) throw std::length_error("an index holds at most 2^32 points");
    if (slots_) owner = nullptr;
    const int64_t dim = geometry_->dim, depth = geometry_->depth;
    const std::vector<float> projections = finite_projections(*geometry_, rows, n, threads);
    for (int64_t done = 0; done < n;) {
        const int64_t used = slots_ % CHUNK, some = std::min(CHUNK - used, n - done);
        if (chunk_count() == slots_ / CHUNK) chunks_.emplace_back();
        Chunk& chunk = chunks_.back();
        if (owner) {
            borrow(chunk, rows + done * dim, some, owner);
        } else {
            reserve(chunk, used, used + some);
            std::memcpy(chunk.own.get() + used * dim, rows + done * dim, static_cast<size_t>(some * dim) * sizeof(float));
        }
        for (int64_t i = 0; i < some; ++i) {
            const float* own = projections.data() + (done + i) * depth;
            place(slots_ + i, own);
            if (std::isinf(own[0])) strays_.push_back(ids[done + i]);
        }
        std::copy_n(ids + done, some, chunk.ids.get() + used);
        slots_ += some;
        done += some;
    }
}

int64_t Store::remove(const int64_t* ids, int64_t n) {
    compacted_ = false;
    std::vector<int64_t> places(static_cast<size_t>(n));
    int64_t missing = 0;
    for (int64_t i = 0; i < n; ++i) missing += (places[i] = slot_of(ids[i])) < 0;
    if (missing) return missing;
    for (const int64_t slot : places) {
        if (!alive(slot)) continue;  // given twice
        float* block = block_of(slot);
        for (int64_t j = 0; j < geometry_->depth; ++j) block[j * BLOCK] = std::numeric_limits<float>::quiet_NaN();
        ++removed_;
    }
    const auto gone = [this](int64_t stray) { return slot_of(stray) < 0; };
    strays_.erase(std::remove_if(strays_.begin(), strays_.end(), gone), strays_.end());
    if (removed_ * 2 > slots()) compact();
    return 0;
}

// Moves the living together, in order.
void Store::compact() {
    const int64_t dim = geometry_->dim, depth = geometry_->depth;
    std::vector<float> projections(static_cast<size_t>(depth));
    int64_t to = 0;
    for (int64_t from = 0; from < slots(); ++from) {
        if (!alive(from)) continue;
        if (to != from) {
            Chunk& chunk = chunks_[to / CHUNK];
            if (!chunk.own) reserve(chunk, chunk_size(to / CHUNK), chunk.room);
            for (int64_t j = 0; j < depth; ++j) projections[j] = projection(from, j);
            std::memcpy(chunk.own.get() + to % CHUNK * dim, row(from), static_cast<size_t>(dim) * sizeof(float));
            float* block = block_of(to);
            for (int64_t j = 0; j < depth; ++j) block[j * BLOCK] = projections[j];
            chunk.ids[to % CHUNK] = id(from);
        }
        ++to;
    }
    for (int64_t slot = to; slot < (to + BLOCK - 1) / BLOCK * BLOCK && slot < slots(); ++slot) {
        float* block = block_of(slot);
        for (int64_t j = 0; j < depth; ++j) block[j * BLOCK] = std::numeric_limits<float>::quiet_NaN();
    }
    slots_ = to;
    chunks_.resize(static_cast<size_t>((to + CHUNK - 1) / CHUNK));
    removed_ = 0;
    compacted_ = true;
}

void Store::clear() {
    chunks_.clear();
    strays_.clear();
    slots_ = removed_ = 0;
    compacted_ = true;
}

int64_t Store::nbytes() const {
    int64_t bytes = 0;
    for (const Chunk& chunk : chunks_)
        bytes += chunk.room * (geometry_->depth * int64_t{sizeof(float)} + int64_t{sizeof(int64_t)});
    return bytes;
}

}  // namespace allmodes
