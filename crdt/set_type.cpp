#include "crdt/set_type.hpp"

#include <algorithm>
#include <cassert>

namespace starling::crdt {

static_assert(replicated<set_type>);

namespace {

using any_view = std::variant<set_view, page_view, member_view>;

set_view view_members(const or_set& set, std::vector<payload> members) {
  return {.members = set.contexts(std::move(members)), .cardinality = set.cardinality()};
}

any_view show(const or_set& set, whole_value) {
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

any_view show(const or_set& set, const member_page& page) {
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

any_view show(const or_set& set, const one_member& one) {
  return member_view{one.member, set.contains(one.member), set.context(one.member),
                     set.cardinality()};
}

} // namespace

std::vector<payload> set_type::members_of(const set_change& change) {
  std::vector<payload> result;
  result.reserve(change.add.size() + change.remove.size());
  for (const auto* list : {&change.add, &change.remove})
    for (const auto& one : *list)
      result.push_back(one.member);
  if (!std::ranges::is_sorted(result))
    std::ranges::sort(result);
  return result;
}

changed<or_set> set_type::apply(state& target, const command& c, const replica_id& self,
                                wall_time) {
  // The only way to fail is to run out of event numbers, so that is ruled out before anything is
  // touched.
  if (c.add.size() > event_number_max - target.seen().last(self))
    return refusal::exhausted;
  return target.change(self, c.add, c.remove);
}

any_view set_type::view_of(const state& x, const query& q) {
  return std::visit([&](const auto& one) { return show(x, one); }, q);
}

set_view set_type::view_after(const state& x, const command& c) {
  return view_members(x, c.shows_members ? members_of(c) : std::vector<payload>{});
}

std::size_t set_type::footprint_of(const command& c) {
  std::size_t result = 0;
  for (const auto* list : {&c.add, &c.remove})
    for (const auto& [member, observed] : *list)
      result += sizeof(member_change) + member.data.size() +
                (observed ? observed->size() * sizeof(dot) : 0);
  return result;
}

bool set_type::can_create(const command& c, const replica_id& self) {
  if (!c.add.empty())
    return true;
  // At the bottom there is no event of our own that could have been observed.
  const auto is_foreign = [&](const auto& observed) { return observed.first != self; };
  return std::any_of(c.remove.begin(), c.remove.end(), [&](const member_change& one) {
    return one.observed && std::any_of(one.observed->begin(), one.observed->end(), is_foreign);
  });
}

bool set_type::shows_lost_events(const state& news, const state& now, const replica_id& self) {
  const auto last = now.seen().last(self);
  return news.seen().replicas().contains(self) ||
         std::ranges::any_of(news.rows(), [&](const auto& row) {
           return std::ranges::any_of(
               row.second, [&](const auto& e) { return e.replica == self && e.number > last; });
         });
}

} // namespace starling::crdt
