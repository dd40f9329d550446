#include "http/route_of.hpp"

#include "http/api/types.hpp"

namespace starling::http {

std::string_view route_of(const parsed& asked) {
  struct name {
    static std::string_view of(crdt::type t) {
      return apis::visit(t, [](auto which) { return decltype(which)::type::route; });
    }
    std::string_view operator()(const read_request& r) const {
      if (!std::holds_alternative<crdt::one_member>(r.query))
        return of(r.key.type);
      return apis::visit(r.key.type, [](auto which) {
        using api = typename decltype(which)::type;
        if constexpr (api::type::has_rows)
          return api::member_route;
        else
          return api::route;
      });
    }
    std::string_view operator()(const write_request& w) const { return of(w.key.type); }
    std::string_view operator()(const keys_request&) const { return "/keys"; }
    std::string_view operator()(index_request) const { return "/"; }
    std::string_view operator()(cluster_request) const { return "/cluster"; }
    std::string_view operator()(health_request) const { return "/healthz"; }
    std::string_view operator()(ready_request) const { return "/readyz"; }
    std::string_view operator()(metrics_request) const { return "/metrics"; }
    std::string_view operator()(const options_request&) const { return "options"; }
    std::string_view operator()(const problem&) const { return "refused"; }
  };
  return std::visit(name{}, asked);
}

} // namespace starling::http
