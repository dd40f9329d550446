#include "crdt/view.hpp"

#include <algorithm>
#include <cassert>

namespace starling::crdt {

namespace {

set_view view_members(const or_set& set, std::vector<payload> members) {
  return {.members = set.contexts(std::move(members)), .cardinality = set.cardinality()};
}

view view_of(const or_set& set, whole_value) {
  return view_members(set, set.members());
}

constexpr auto greatest_character = "\xf4\x8f\xbf\xbf"; // U+10FFFF

/// Whether a character of UTF-8 goes on with this byte.
bool goes_on(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

/// A text with last <= text < following, short if that can be. Requires: last < following.
std::string position_between(const std::string& last, const std::string& following) {
  const auto differs = std::mismatch(last.begin(), last.end(), following.begin(), following.end());
  if (last.size() <= short_position_max || differs.first == last.end())
    return last;
  // As far as the first character in which it is the lesser one, then the greatest of all: that is
  // beyond whatever else it has.
  auto end = static_cast<std::size_t>(differs.first - last.begin());
  while (end > 0 && goes_on(last[end]))
    --end;
  do
    ++end;
  while (end < last.size() && goes_on(last[end]));
  auto result = last.substr(0, end) + greatest_character;
  return result > last && result.size() < last.size() ? result : last;
}

view view_of(const or_set& set, const member_page& page) {
  assert(page.limit > 0);
  // One more than is shown tells whether there are more.
  auto members = set.members_after(payload_kind::text, page.after, page.limit + 1);
  page_view result;
  if (members.size() > page.limit) {
    result.next = position_between(members[page.limit - 1].data, members[page.limit].data);
    members.pop_back();
  }
  result.shown = view_members(set, std::move(members));
  return result;
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
  const auto& set = v.as<or_set>();
  return view_members(set, change->shows_members ? members_of(*change) : std::vector<payload>{});
}

} // namespace starling::crdt
