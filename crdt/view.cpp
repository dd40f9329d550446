#include "crdt/view.hpp"

#include <cassert>
#include <set>

namespace starling::crdt {

namespace {

template <class Members>
set_view view_members(const or_set& set, const Members& members) {
  set_view result;
  result.members.reserve(members.size());
  for (const auto& member : members)
    result.members.emplace_back(member, set.context(member));
  return result;
}

} // namespace

view view_of(const value& v) {
  switch (v.type()) {
  case type::counter:
    return counter_view{v.as<pn_counter>().read()};
  case type::register_: {
    const auto& current = v.as<lww_register>().current();
    assert(current);
    return register_view{current->what};
  }
  case type::set: {
    const auto& set = v.as<or_set>();
    return view_members(set, set.members());
  }
  }
  return counter_view{};
}

view view_of(const value& v, const command& c) {
  assert(v.type() == type_of(c));
  const auto* change = std::get_if<set_change>(&c);
  if (!change)
    return view_of(v);
  std::set<payload> touched;
  for (const auto& x : change->add)
    touched.insert(x.member);
  for (const auto& x : change->remove)
    touched.insert(x.member);
  return view_members(v.as<or_set>(), touched);
}

} // namespace starling::crdt
