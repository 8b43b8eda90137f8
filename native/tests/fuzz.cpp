// Random operations against brute force, without Python, to be run under the address, undefined-behaviour and thread
// sanitizers. Ends with 0 if every answer was right.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "dci.hpp"

using namespace allmodes;

namespace {

using Point = std::vector<float>;

void require(bool fact, const char* what) {
    if (fact) return;
    std::fprintf(stderr, "failed: %s\n", what);
    std::exit(1);
}

struct World {
    std::mt19937 rng;
    int64_t dim, simple, composite;
    std::map<int64_t, Point> twin;
    float far = 0;  // how far apart clusters lie, and now and then a point

    float around() {  // the middle of a cluster, in every coordinate
        const int64_t what = far > 0 ? below(8) : 1;
        return what == 0 ? std::min(far * far * far * far * far, 1e37f) : what % 3 * far;
    }

    int64_t below(int64_t n) { return std::uniform_int_distribution<int64_t>(0, n - 1)(rng); }

    Point points(int64_t n) {
        std::normal_distribution<float> normal;
        Point values(static_cast<size_t>(n * dim));
        for (int64_t i = 0; i < n; ++i) {
            const float middle = around();
            for (int64_t j = 0; j < dim; ++j) values[i * dim + j] = middle + normal(rng);
        }
        return values;
    }

    std::shared_ptr<const Geometry> geometry() {
        const float before = far;
        far = 0;
        const Point origin = points(1);
        Point directions;
        for (int64_t j = 0; j < simple * composite; ++j) {
            const Point one = points(1);
            directions.insert(directions.end(), one.begin(), one.end());
        }
        far = before;
        return std::make_shared<const Geometry>(dim, simple * composite, origin.data(), directions.data());
    }
};

void add(World& world, Dci& index, bool borrow) {
    const int64_t n = world.below(borrow ? 3000 : 40);
    auto rows = std::make_shared<Point>(world.points(n));
    const int64_t first = index.add(rows->data(), n, borrow ? rows : nullptr, 2);
    for (int64_t i = 0; i < n; ++i)
        world.twin[first + i] = Point(rows->begin() + i * world.dim, rows->begin() + (i + 1) * world.dim);
}

void remove(World& world, Dci& index) {
    std::vector<int64_t> ids;
    const int64_t one_in = 1 + world.below(6);
    for (const auto& [id, point] : world.twin)
        if (world.below(one_in) == 0) ids.push_back(id);
    std::shuffle(ids.begin(), ids.end(), world.rng);
    require(index.remove(ids.data(), static_cast<int64_t>(ids.size())) == 0, "every id is there");
    for (const int64_t id : ids) world.twin.erase(id);
    if (!ids.empty()) require(index.remove(ids.data(), 1) > 0, "a removed id is not there");
}

// With every point a candidate, the answers are exact.
void query(World& world, const Dci& index) {
    const int64_t n = 1 + world.below(20), k = 1 + world.below(8), found = std::min<int64_t>(k, index.size());
    const Point queries = world.points(n);
    std::vector<int64_t> ids(static_cast<size_t>(n * k));
    Point distances(static_cast<size_t>(n * k));
    const Work work = index.query(queries.data(), n, {k, index.size() + 1, int64_t{1} << 60, int64_t{1} << 60, 2}, {ids.data(), distances.data()});
    require(work.evaluations >= n * index.size(), "every point was compared");
    for (int64_t q = 0; q < n; ++q) {
        std::vector<double> truth;
        for (const auto& [id, point] : world.twin) {
            double sum = 0;
            for (int64_t j = 0; j < world.dim; ++j) sum += std::pow(double{point[j]} - queries[q * world.dim + j], 2);
            truth.push_back(std::sqrt(sum));
        }
        std::sort(truth.begin(), truth.end());
        for (int64_t i = 0; i < k; ++i) {
            const float distance = distances[q * k + i];
            if (i < found)
                require(std::fabs(distance - truth[i]) < 1e-5 * (1e-20 + truth[i]) ||
                            (std::isinf(distance) && truth[i] > std::numeric_limits<float>::max()),
                        "the distance is right");
            else
                require(ids[q * k + i] == -1 && std::isinf(distance), "beyond the points there is nothing");
        }
    }
}

void random_operations(uint32_t seed, Order order) {
    World world{std::mt19937(seed), 0, 0, 0, {}, 0};
    world.far = seed % 2 ? 0.0f : 1e7f;
    world.dim = 1 + world.below(70), world.simple = 1 + world.below(20), world.composite = 1 + world.below(3);
    Dci index(world.geometry(), world.composite, order, 1 + seed % 3);
    for (int step = 0; step < 40; ++step) {
        const int64_t what = world.below(10);
        if (what < 4) add(world, index, step == 0 || what == 0);
        else if (what < 6) remove(world, index);
        else if (what == 6 && world.below(4) == 0) index.clear(), world.twin.clear();
        else query(world, index);
        require(index.size() == static_cast<int64_t>(world.twin.size()), "the size is right");
    }
}

// All that an index says that it holds, it held at one moment.
void contents(const Dci& index, int64_t dim) {
    const Contents all = index.contents();
    require(all.size == 0 || all.ids[all.size - 1] < all.next, "ids are below the next");
    for (int64_t i = 1; i < all.size; ++i) require(all.ids[i - 1] < all.ids[i], "ids ascend");
    for (int64_t i = 0; i < all.size * dim; ++i) require(std::isfinite(all.rows[i]), "rows are there");
}

// Several threads ask and copy while one changes the index; each asks with two threads of its own.
void at_the_same_time(Order order) {
    World world{std::mt19937(7), 24, 8, 2, {}, 0};
    Dci index(world.geometry(), world.composite, order, 2);
    add(world, index, false);
    std::atomic<bool> stop{false};
    std::vector<std::thread> readers;
    for (uint32_t r = 0; r < 3; ++r)
        readers.emplace_back([&index, &stop, r] {
            World own{std::mt19937(r), 24, 8, 2, {}, 0};
            constexpr int64_t n = 40;  // for two blocks at least
            std::vector<int64_t> ids(2 * n);
            Point distances(2 * n);
            while (!stop) {
                if (r == 0) {
                    contents(index, 24);
                    continue;
                }
                const Point queries = own.points(n);
                index.query(queries.data(), n, {2, 10, int64_t{1} << 60, int64_t{1} << 60, 2}, {ids.data(), distances.data()});
                require(std::is_sorted(distances.begin(), distances.begin() + 2), "nearest first");
            }
        });
    for (int step = 0; step < 25; ++step) {
        add(world, index, step % 10 == 0);
        if (step % 3 == 0) remove(world, index);
    }
    stop = true;
    for (std::thread& reader : readers) reader.join();
}

}  // namespace

int main(int count, char** arguments) {
    const int rounds = count > 1 ? std::atoi(arguments[1]) : 20;
    for (const Order order : {Order::L2, Order::LInfinity, Order::Prioritized}) {
        for (int seed = 0; seed < rounds; ++seed) random_operations(static_cast<uint32_t>(seed), order);
        at_the_same_time(order);
    }
    std::puts("every answer was right");
}
