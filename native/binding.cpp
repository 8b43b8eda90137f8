// The only file that knows Python. Arrays are contiguous and of the right type; that their sizes fit together is checked.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <stdexcept>

#include "dci.hpp"

namespace nb = nanobind;
using namespace allmodes;

using Rows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Ids = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using OutRows = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using OutTable = nb::ndarray<int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

namespace {

int64_t rows(const Rows& array) { return static_cast<int64_t>(array.shape(0)); }

void require(bool fits) {
    if (!fits) throw std::invalid_argument("arrays of sizes that do not fit together");
}

// An array that owns its memory.
template <typename Number, typename... Sizes>
auto owned(std::unique_ptr<Number[]> numbers, Sizes... sizes) {
    Number* data = numbers.release();
    const nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<Number*>(p); });
    return nb::ndarray<nb::numpy, Number>(data, {static_cast<size_t>(sizes)...}, owner);
}

std::shared_ptr<void> keep_alive(const Rows& array) {
    auto* handle = new Rows(array);
    return {handle, [](void* p) {
                const nb::gil_scoped_acquire gil;
                delete static_cast<Rows*>(p);
            }};
}

}  // namespace

NB_MODULE(_native, m) {
    m.attr("instruction_set") = kernels().name;
    nb::enum_<Order>(m, "Order")
        .value("l2", Order::L2)
        .value("linf", Order::LInfinity)
        .value("prioritized", Order::Prioritized);
    nb::class_<Work>(m, "Work").def_ro("evaluations", &Work::evaluations).def_ro("visits", &Work::visits);
    nb::class_<Dci>(m, "Dci")
        .def("__init__",
             [](Dci* self, nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu> origin, Rows directions,
                int64_t composite, Order order, int64_t levels, int64_t children) {
                 require(origin.shape(0) == directions.shape(1) && composite > 0 && levels > 0 && children >= 0 &&
                         rows(directions) % composite == 0);
                 auto geometry = std::make_shared<const Geometry>(static_cast<int64_t>(directions.shape(1)),
                                                                  rows(directions), origin.data(), directions.data());
                 new (self) Dci(std::move(geometry), composite, order, levels, children);
             })
        .def("add",
             [](Dci& self, Rows points, bool borrow, int threads) {
                 require(static_cast<int64_t>(points.shape(1)) == self.dim());
                 std::shared_ptr<void> owner = borrow ? keep_alive(points) : nullptr;
                 const nb::gil_scoped_release released;
                 return self.add(points.data(), rows(points), std::move(owner), threads);
             })
        .def("restore",
             [](Dci& self, Rows points, Ids ids, int64_t next, int threads) {
                 require(static_cast<int64_t>(points.shape(1)) == self.dim() && points.shape(0) == ids.shape(0));
                 std::shared_ptr<void> owner = keep_alive(points);
                 const nb::gil_scoped_release released;
                 self.restore(points.data(), rows(points), ids.data(), next, std::move(owner), threads);
             })
        .def("remove",
             [](Dci& self, Ids ids) {
                 const nb::gil_scoped_release released;
                 return self.remove(ids.data(), static_cast<int64_t>(ids.shape(0)));
             })
        .def("clear", &Dci::clear, nb::call_guard<nb::gil_scoped_release>())
        .def("query",
             [](const Dci& self, Rows queries, int64_t retrieve, int64_t visit, int64_t view, int threads, OutTable ids,
                OutRows distances) {
                 require(static_cast<int64_t>(queries.shape(1)) == self.dim() && ids.shape(0) == queries.shape(0) &&
                         distances.shape(0) == queries.shape(0) && distances.shape(1) == ids.shape(1) &&
                         retrieve > 0 && visit > 0 && view > 0 && threads > 0);
                 const nb::gil_scoped_release released;
                 const Budget budget{static_cast<int64_t>(ids.shape(1)), retrieve, visit, view, threads};
                 return self.query(queries.data(), rows(queries), budget, {ids.data(), distances.data()});
             })
        .def("contents",
             [](const Dci& self) {
                 Contents all = [&self] {
                     const nb::gil_scoped_release released;
                     return self.contents();
                 }();
                 return nb::make_tuple(owned(std::move(all.rows), all.size, self.dim()),
                                       owned(std::move(all.ids), all.size), all.next, all.children);
             })
        .def_prop_ro("next", &Dci::next)
        .def_prop_ro("nbytes", &Dci::nbytes)
        .def("__len__", &Dci::size);
}
