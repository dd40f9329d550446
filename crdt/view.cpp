#include "crdt/view.hpp"

#include <cassert>
#include <type_traits>

namespace starling::crdt {

namespace {

/// One of the views of a type, or a variant of some, as one of all views.
template <class Seen>
view to_view(Seen seen) {
  if constexpr (std::is_constructible_v<view, Seen>)
    return seen;
  else
    return std::visit([](auto& one) { return view{std::move(one)}; }, seen);
}

} // namespace

view view_of(const value& v, const query& q) {
  return v.visit([&](const auto& state, auto which) -> view {
    return to_view(decltype(which)::type::view_of(state, q));
  });
}

view view_of(const value& v, const command& c) {
  assert(v.type() == type_of(c));
  return v.visit([&](const auto& state, auto which) -> view {
    using T = typename decltype(which)::type;
    return to_view(T::view_after(state, std::get<typename T::command>(c)));
  });
}

void tell_cardinality(view& seen, type of, std::uint64_t members) {
  visit_with_rows(of, [&](auto which) {
    return std::visit(
        [&](auto& one) {
          if constexpr (requires { decltype(which)::type::tell_cardinality(one, members); })
            decltype(which)::type::tell_cardinality(one, members);
          return true;
        },
        seen);
  });
}

} // namespace starling::crdt
