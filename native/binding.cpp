// The only file that knows Python. Arrays are checked there; here they are contiguous and of the right type.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include "dci.hpp"

namespace nb = nanobind;
using namespace allmodes;

using Rows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Ids = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using OutRows = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using OutIds = nb::ndarray<int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using OutTable = nb::ndarray<int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

namespace {

int64_t rows(const Rows& array) { return static_cast<int64_t>(array.shape(0)); }

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
                int64_t composite, Order order) {
                 auto geometry = std::make_shared<const Geometry>(static_cast<int64_t>(directions.shape(1)),
                                                                  rows(directions), origin.data(), directions.data());
                 new (self) Dci(std::move(geometry), composite, order);
             })
        .def("add",
             [](Dci& self, Rows points, bool borrow, int threads) {
                 std::shared_ptr<void> owner = borrow ? keep_alive(points) : nullptr;
                 const nb::gil_scoped_release released;
                 return self.add(points.data(), rows(points), std::move(owner), threads);
             })
        .def("restore",
             [](Dci& self, Rows points, Ids ids, int64_t next, int threads) {
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
             [](const Dci& self, Rows queries, int64_t retrieve, int64_t visit, int threads, OutTable ids,
                OutRows distances) {
                 const nb::gil_scoped_release released;
                 const Budget budget{static_cast<int64_t>(ids.shape(1)), retrieve, visit, threads};
                 return self.query(queries.data(), rows(queries), budget, {ids.data(), distances.data()});
             })
        .def("copy",
             [](const Dci& self, OutRows out, OutIds ids) {
                 const nb::gil_scoped_release released;
                 self.copy(out.data(), ids.data());
             })
        .def_prop_ro("next", &Dci::next)
        .def_prop_ro("nbytes", &Dci::nbytes)
        .def("__len__", &Dci::size);
}
