#include "crdt/view.hpp"

#include <algorithm>
#include <cassert>
#include <set>

namespace starling::crdt {

namespace {

template <class Members>
set_view view_members(const or_set& set, const Members& members) {
  set_view result{.members = {}, .cardinality = set.cardinality()};
  result.members.reserve(members.size());
  for (const auto& member : members)
    result.members.emplace_back(member, set.context(member));
  return result;
}

view view_of(const or_set& set, whole_value) {
  return view_members(set, set.members());
}

view view_of(const or_set& set, const member_page& page) {
  // One more than is shown tells whether there are more.
  auto members = set.members_after(payload_kind::text, page.after, page.limit + 1);
  const bool more = members.size() > page.limit;
  members.resize(std::min(members.size(), page.limit));
  return page_view{view_members(set, members), more};
}

view view_of(const or_set& set, const one_member& one) {
  return member_view{one.member, set.contains(one.member), set.context(one.member),
                     set.cardinality()};
}

} // namespace

view view_of(const value& v, const query& q) {
  switch (v.type()) {
  case type::counter:
    return counter_view{v.as<pn_counter>().read()};
  case type::register_: {
    const auto& current = v.as<lww_register>().current();
    assert(current);
    return register_view{current->what};
  }
  case type::set:
    return std::visit([&](const auto& one) { return view_of(v.as<or_set>(), one); }, q);
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
