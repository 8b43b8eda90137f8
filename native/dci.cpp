#include "dci.hpp"

#include "parallel.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <mutex>
#include <numeric>
#include <stdexcept>

namespace allmodes {
namespace {

constexpr int64_t QUERIES = 96;  // scanned together: a multiple of every kernel's group
constexpr int64_t AHEAD = 4;     // rows fetched before they are needed
constexpr int64_t BUFFERS = int64_t{1} << 26;  // bytes of the lists of a thread, if one query's are not more

// Buffers of one thread, allocated once.
struct Scratch {
    Scan scan;
    Traversal traversal;
    std::vector<float> projections;
    std::vector<double> rounding;
    std::vector<std::vector<int64_t>> slots;
    std::vector<std::pair<double, int64_t>> nearest;
};

Scratch& scratch() {
    thread_local Scratch buffers;
    return buffers;
}

void append(const Candidates& found, std::vector<std::vector<int64_t>>& slots) {
    for (size_t q = 0; q < slots.size(); ++q)
        for (const Found& f : found[q]) slots[q].push_back(f.slot);
}

// Sorted, and each but once.
void once(std::vector<int64_t>& slots) {
    std::sort(slots.begin(), slots.end());
    slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
}

// The k nearest of the candidates, by distances computed in full: a heap whose top is the farthest so far.
void compare(const Store& store, const float* query, const std::vector<int64_t>& slots, size_t k,
             std::vector<std::pair<double, int64_t>>& nearest) {
    const int64_t dim = store.geometry().dim;
    nearest.clear();
    double bound = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < slots.size(); ++i) {
        if (i + AHEAD < slots.size()) {
            const auto* row = reinterpret_cast<const char*>(store.row(slots[i + AHEAD]));
            for (int64_t byte = 0; byte < std::min<int64_t>(dim * 4, 1024); byte += 64) __builtin_prefetch(row + byte);
        }
        const double value = squared_distance(store.row(slots[i]), query, dim, bound);
        const std::pair<double, int64_t> entry{value, store.id(slots[i])};
        if (nearest.size() == k) {
            if (!(entry < nearest.front())) continue;
            std::pop_heap(nearest.begin(), nearest.end());
            nearest.pop_back();
        }
        nearest.push_back(entry);
        std::push_heap(nearest.begin(), nearest.end());
        if (nearest.size() == k) bound = nearest.front().first;
    }
    std::sort_heap(nearest.begin(), nearest.end());
}

}  // namespace

Dci::Dci(std::shared_ptr<const Geometry> geometry, int64_t composite, Order order, int64_t levels, int64_t children)
    : composite_(composite),
      order_(order),
      store_(std::move(geometry)),
      levels_(store_.geometry().depth, levels, children) {
    if (store_.geometry().depth / composite > std::numeric_limits<uint16_t>::max())
        throw std::length_error("a composite index has at most 65,535 directions");
}

std::unique_lock<std::shared_mutex> Dci::changing() {
    const std::lock_guard waiting(turnstile_);
    return std::unique_lock(mutex_);
}

std::shared_lock<std::shared_mutex> Dci::reading() const {
    { const std::lock_guard passing(turnstile_); }
    return std::shared_lock(mutex_);
}

void Dci::insert(const float* rows, int64_t n, const int64_t* ids, std::shared_ptr<void> owner, int threads) {
    const int64_t before = store_.slots();
    store_.add(rows, n, ids, std::move(owner), threads);
    if (order_ == Order::Prioritized && n) levels_.insert(store_, before, threads);
}

int64_t Dci::add(const float* rows, int64_t n, std::shared_ptr<void> owner, int threads) {
    const auto lock = changing();
    std::vector<int64_t> ids(static_cast<size_t>(n));
    std::iota(ids.begin(), ids.end(), next_);
    insert(rows, n, ids.data(), std::move(owner), threads);
    next_ += n;
    return next_ - n;
}

void Dci::restore(const float* rows, int64_t n, const int64_t* ids, int64_t next, std::shared_ptr<void> owner,
                  int threads) {
    const auto lock = changing();
    for (int64_t i = 0; i < n; ++i)
        if (ids[i] < (i ? ids[i - 1] + 1 : next_)) throw std::invalid_argument("ids must ascend above those given so far");
    insert(rows, n, ids, std::move(owner), threads);
    next_ = std::max({next_, next, n ? ids[n - 1] + 1 : 0});
}

int64_t Dci::remove(const int64_t* ids, int64_t n) {
    const auto lock = changing();
    if (order_ != Order::Prioritized) return store_.remove(ids, n);
    std::vector<int64_t> slots(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i)
        if ((slots[static_cast<size_t>(i)] = store_.slot_of(ids[i])) < 0) return 1;
    levels_.erase(store_, slots);
    store_.remove(ids, n);
    if (store_.compacted()) levels_.assign(store_, 1);
    return 0;
}

void Dci::clear() {
    const auto lock = changing();
    store_.clear();
    levels_.clear();
}

// The candidates of a query, from the highest level down: of those found so far, the nearest open their cells.
void Dci::descend(const float* query, const float* projections, double rounding, const Budget& budget, Work& work,
                  std::vector<int64_t>& slots) const {
    const int64_t simple = store_.geometry().depth / composite_;
    std::vector<const Cell*> cells = levels_.top();
    auto& nearest = scratch().nearest;
    for (int64_t level = levels_.levels() - 1; level >= 0; --level) {
        std::vector<int64_t> found;
        for (int64_t l = 0; l < composite_; ++l)
            work.visits += scratch().traversal.retrieve(store_, cells, {l * simple, simple}, projections,
                                                        {budget.retrieve, budget.visit, rounding}, found);
        once(found);
        slots.insert(slots.end(), found.begin(), found.end());
        if (level == 0) break;
        std::vector<int64_t> parents;
        std::copy_if(slots.begin(), slots.end(), std::back_inserter(parents),
                     [&](int64_t slot) { return levels_.level(slot) >= level; });
        compare(store_, query, parents, static_cast<size_t>(budget.view), nearest);
        work.evaluations += static_cast<int64_t>(parents.size());
        parents.clear();
        for (const auto& entry : nearest) parents.push_back(store_.slot_of(entry.second));
        cells = levels_.cells(parents, level - 1);
    }
}

Work Dci::query_block(const float* queries, int64_t n, const Budget& budget, const Answers& answers) const {
    Scratch& own = scratch();
    Work work;
    const int64_t depth = store_.geometry().depth, simple = depth / composite_;
    own.projections.resize(static_cast<size_t>(n * depth));
    store_.geometry().project(queries, n, own.projections.data());
    own.rounding.resize(static_cast<size_t>(n));
    for (int64_t q = 0; q < n; ++q) {
        float* projections = own.projections.data() + q * depth;
        if (store_.geometry().usable(projections)) {
            own.rounding[q] = store_.geometry().rounding(queries + q * store_.geometry().dim, projections);
        } else {
            std::fill_n(projections, depth, 0.0f);  // nothing is known of it: all points are near
            own.rounding[q] = std::numeric_limits<double>::infinity();
        }
    }
    own.slots.assign(static_cast<size_t>(n), {});
    if (order_ == Order::L2)
        append(own.scan.l2(store_, own.projections.data(), own.rounding.data(), n, budget.retrieve), own.slots);
    for (int64_t l = 0; l < composite_ && order_ == Order::LInfinity; ++l)
        append(own.scan.linf(store_, own.projections.data(), own.rounding.data(), n, budget.retrieve, l * simple, simple),
               own.slots);
    for (int64_t q = 0; q < n && order_ == Order::Prioritized; ++q)
        descend(queries + q * store_.geometry().dim, own.projections.data() + q * depth, own.rounding[q], budget, work,
                own.slots[q]);
    const int64_t dim = store_.geometry().dim, k = budget.k;
    for (int64_t q = 0; q < n; ++q) {
        auto& slots = own.slots[q];
        if (order_ == Order::LInfinity) once(slots);  // the union of the composite indices
        for (const int64_t stray : store_.strays()) slots.push_back(store_.slot_of(stray));
        compare(store_, queries + q * dim, slots, static_cast<size_t>(k), own.nearest);
        work.evaluations += static_cast<int64_t>(slots.size());
        for (int64_t i = 0; i < static_cast<int64_t>(own.nearest.size()); ++i) {
            answers.ids[q * k + i] = own.nearest[i].second;
            answers.distances[q * k + i] = static_cast<float>(std::sqrt(own.nearest[i].first));
        }
    }
    return work;
}

Work Dci::query(const float* queries, int64_t n, const Budget& budget, const Answers& answers) const {
    const auto lock = reading();
    const int64_t k = budget.k, dim = store_.geometry().dim;
    std::fill_n(answers.ids, n * k, int64_t{-1});
    std::fill_n(answers.distances, n * k, std::numeric_limits<float>::infinity());
    if (store_.size() == 0) return {};
    Budget bounded = budget;
    bounded.view = std::clamp<int64_t>(budget.view, 1, store_.size());
    bounded.retrieve = std::clamp<int64_t>(std::max(budget.retrieve, k), 1, store_.size());
    const int64_t share = (n + budget.threads - 1) / budget.threads, group = kernels().group;
    const int64_t most = std::clamp<int64_t>(BUFFERS / Scan::bytes(store_, bounded.retrieve), 1, QUERIES);
    const int64_t step = std::min(most, (share + group - 1) / group * group);
    const int64_t blocks = (n + step - 1) / step;
    std::vector<Work> work(static_cast<size_t>(blocks));
    in_parallel(blocks, budget.threads, [&](int64_t block) {
        const int64_t first = block * step;
        work[block] = query_block(queries + first * dim, std::min(step, n - first), bounded,
                                  {answers.ids + first * k, answers.distances + first * k});
    });
    Work total;
    for (const Work& w : work) total = {total.evaluations + w.evaluations, total.visits + w.visits};
    return total;
}

int64_t Dci::size() const {
    const auto lock = reading();
    return store_.size();
}

int64_t Dci::next() const {
    const auto lock = reading();
    return next_;
}

int64_t Dci::nbytes() const {
    const auto lock = reading();
    return store_.nbytes() + levels_.nbytes();
}

Contents Dci::contents() const {
    const auto lock = reading();
    const int64_t dim = store_.geometry().dim, size = store_.size();
    Contents all{size, std::unique_ptr<float[]>(new float[static_cast<size_t>(size * dim)]),
                 std::unique_ptr<int64_t[]>(new int64_t[static_cast<size_t>(size)]), next_, levels_.children()};
    int64_t i = 0;
    for (int64_t slot = 0; slot < store_.slots(); ++slot) {
        if (!store_.alive(slot)) continue;
        std::copy_n(store_.row(slot), dim, all.rows.get() + i * dim);
        all.ids[i++] = store_.id(slot);
    }
    return all;
}

}  // namespace allmodes
