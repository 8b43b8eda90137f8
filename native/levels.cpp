#include "levels.hpp"

#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace allmodes {
namespace {

constexpr int64_t GROWN = 4;  // times the points that a plan was made for: it is made anew
constexpr double INFINITE = std::numeric_limits<double>::infinity();

// A number in (0, 1] that looks random (Steele et al. 2014, SplitMix64).
double uniform(int64_t id) {
    uint64_t x = (static_cast<uint64_t>(id) + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (static_cast<double>((x ^ (x >> 31)) >> 11) + 1) * 0x1p-53;
}

}  // namespace

// A point rises by one level with probability 1 / children, so that all cells have about that size.
int64_t Levels::plan(int64_t points) const {
    const double root = std::pow(static_cast<double>(points), 1.0 / static_cast<double>(levels_));
    return std::max<int64_t>(2, std::llround(root));
}

bool Levels::outgrown(const Store& store) const {
    const double planned = std::pow(static_cast<double>(children_), static_cast<double>(levels_));
    return planned * GROWN < static_cast<double>(store.size());
}

int64_t Levels::level_of(int64_t id) const {
    const double height = -std::log(uniform(id)) / std::log(static_cast<double>(children_));
    return std::min(levels_ - 1, static_cast<int64_t>(height));
}

Levels::Place Levels::nearest(const Store& store, int64_t slot) const {
    Place place{points_[static_cast<size_t>(slot)].level, NONE, INFINITE};
    for (const int64_t other : coarse_) {
        if (level(other) <= place.level) continue;
        const double away = squared_distance(store.row(other), store.row(slot), store.geometry().dim, place.away);
        if (away < place.away) place.parent = other, place.away = away;
    }
    return place;
}

Cell& Levels::cell(const Place& place) { return cells_.try_emplace(key(place.parent, place.level), depth_).first->second; }

void Levels::move(const Store& store, int64_t slot, const Place& to) {
    Place& place = points_[static_cast<size_t>(slot)];
    cell(place).erase(store, {slot});
    cell(place = to).insert(store, {slot});
}

// Finds levels, parents and cells of the points from this slot on.
void Levels::enter(const Store& store, int64_t first, int threads) {
    const int64_t slots = store.slots();
    points_.resize(static_cast<size_t>(slots));
    for (int64_t slot = first; slot < slots; ++slot) {
        if (!member(store, slot)) continue;
        points_[static_cast<size_t>(slot)].level = level_of(store.id(slot));
        if (level(slot) > 0) coarse_.push_back(slot);
    }
    in_parallel((slots - first + Store::CHUNK - 1) / Store::CHUNK, threads, [&](int64_t chunk) {
        const int64_t begin = first + chunk * Store::CHUNK;
        for (int64_t slot = begin; slot < std::min(slots, begin + Store::CHUNK); ++slot)
            if (level(slot) != NONE) {  // other threads read the level
                const Place place = nearest(store, slot);
                points_[static_cast<size_t>(slot)].parent = place.parent;
                points_[static_cast<size_t>(slot)].away = place.away;
            }
    });
    std::unordered_map<int64_t, std::vector<int64_t>> members;
    for (int64_t slot = first; slot < slots; ++slot) {
        const Place& place = points_[static_cast<size_t>(slot)];
        if (place.level != NONE) members[key(place.parent, place.level)].push_back(slot);
    }
    for (const auto& [which, there] : members) {
        Cell& cell = cells_.try_emplace(which, depth_).first->second;
        if (cell.size()) cell.insert(store, there);
        else cell.fill(store, there, threads);
    }
}

void Levels::assign(const Store& store, int threads) {
    clear();
    if (outgrown(store)) children_ = plan(store.size());
    enter(store, 0, threads);
}

// The points before a slot that are nearer to this one than to where they belong.
void Levels::take_over(const Store& store, int64_t parent, int64_t before) {
    for (int64_t slot = 0; slot < before; ++slot) {
        const Place& place = points_[static_cast<size_t>(slot)];
        if (place.level == NONE || place.level >= level(parent)) continue;
        const double away = squared_distance(store.row(parent), store.row(slot), store.geometry().dim, place.away);
        if (away < place.away) move(store, slot, {place.level, parent, away});
    }
}

void Levels::insert(const Store& store, int64_t first, int threads) {
    if (2 * first < store.slots() || outgrown(store)) return assign(store, threads);
    const auto known = static_cast<std::ptrdiff_t>(coarse_.size());
    enter(store, first, threads);
    for (auto parent = coarse_.begin() + known; parent != coarse_.end(); ++parent) take_over(store, *parent, first);
}

void Levels::erase(const Store& store, const std::vector<int64_t>& slots) {
    std::unordered_map<int64_t, std::vector<int64_t>> gone;
    std::vector<bool> parents(points_.size());
    bool orphans = false;
    for (const int64_t slot : slots) {
        Place& place = points_[static_cast<size_t>(slot)];
        if (place.level == NONE) continue;
        gone[key(place.parent, place.level)].push_back(slot);
        orphans |= parents[static_cast<size_t>(slot)] = place.level > 0;
        place.level = NONE;
    }
    for (const auto& [which, there] : gone) cells_.at(which).erase(store, there);
    if (!orphans) return;
    coarse_.erase(std::remove_if(coarse_.begin(), coarse_.end(), [&](int64_t slot) { return level(slot) == NONE; }),
                  coarse_.end());
    for (int64_t slot = 0; slot < static_cast<int64_t>(points_.size()); ++slot) {
        const Place& place = points_[static_cast<size_t>(slot)];
        if (place.level == NONE || place.parent == NONE || !parents[static_cast<size_t>(place.parent)]) continue;
        move(store, slot, nearest(store, slot));
    }
    for (const int64_t slot : slots)
        for (int64_t below = 0; below < levels_; ++below) cells_.erase(key(slot, below));
}

void Levels::clear() {
    points_.clear();
    coarse_.clear();
    cells_.clear();
}

int64_t Levels::nbytes() const {
    auto bytes = static_cast<int64_t>(points_.capacity() * sizeof(Place) + coarse_.capacity() * sizeof(int64_t));
    for (const auto& [which, cell] : cells_) bytes += cell.nbytes();
    return bytes;
}

std::vector<const Cell*> Levels::top() const {
    const auto found = cells_.find(NONE);
    return found == cells_.end() ? std::vector<const Cell*>{} : std::vector<const Cell*>{&found->second};
}

std::vector<const Cell*> Levels::cells(const std::vector<int64_t>& slots, int64_t level) const {
    std::vector<const Cell*> all;
    for (const int64_t slot : slots) {
        const auto found = cells_.find(key(slot, level));
        if (found != cells_.end()) all.push_back(&found->second);
    }
    return all;
}

}  // namespace allmodes
