#include "http/route_of.hpp"

#include "http/api/types.hpp"

namespace starling::http {

namespace {

std::string_view route_of_values(crdt::type t) {
  return apis::visit(t, [](auto which) { return decltype(which)::type::route; });
}

struct name {
  std::string_view operator()(const read_request& r) const {
    if (!std::holds_alternative<crdt::one_member>(r.query))
      return route_of_values(r.key.type);
    return apis::visit(r.key.type, [](auto which) {
      using api = typename decltype(which)::type;
      if constexpr (api::type::has_rows)
        return api::member_route;
      else
        return api::route;
    });
  }
  std::string_view operator()(const write_request& w) const { return route_of_values(w.key.type); }
  std::string_view operator()(const options_request&) const { return "options"; }
  std::string_view operator()(const problem&) const { return "refused"; }

  template <class Asked>
  std::string_view operator()(const Asked&) const {
    return Asked::path;
  }
};

} // namespace

std::string_view route_of(const parsed& asked) {
  return std::visit(name{}, asked);
}

} // namespace starling::http
