#include "crdt/command.hpp"

#include <cassert>

namespace starling::crdt {

namespace {

/// What a visitor makes of a command and the type that it is for.
template <class Visitor>
auto visit(const command& c, Visitor visitor) {
  return types::visit_at(c.index(), [&](auto which) {
    return visitor(std::get<typename decltype(which)::type::command>(c), which);
  });
}

} // namespace

type type_of(const command& c) {
  return types::ids[c.index()];
}

bool can_create(const command& c, const replica_id& self) {
  return visit(c, [&](const auto& one, auto which) -> bool {
    return decltype(which)::type::can_create(one, self);
  });
}

std::size_t footprint_of(const command& c) {
  return sizeof(command) + visit(c, [](const auto& one, auto which) -> std::size_t {
           return decltype(which)::type::footprint_of(one);
         });
}

bool can_grow(const command& c) {
  return visit(
      c, [](const auto& one, auto which) -> bool { return decltype(which)::type::can_grow(one); });
}

outcome apply(value& target, const command& c, const replica_id& self, wall_time wall) {
  assert(target.type() == type_of(c));
  return visit(c, [&](const auto& one, auto which) -> outcome {
    using T = typename decltype(which)::type;
    auto done = T::apply(target.as<typename T::state>(), one, self, wall);
    if (const auto* why = std::get_if<refusal>(&done))
      return *why;
    auto& delta = std::get<std::optional<typename T::state>>(done);
    return delta ? std::optional<value>{*std::move(delta)} : std::nullopt;
  });
}

} // namespace starling::crdt
