#include "crdt/command.hpp"

#include <algorithm>
#include <cassert>

namespace starling::crdt {

namespace {

template <class Delta>
outcome delta_or(std::optional<Delta> delta, refusal why) {
  if (!delta)
    return why;
  return value{std::move(*delta)};
}

outcome apply_to(or_set& set, const set_change& change, const replica_id& self) {
  // The only way to fail is to run out of event numbers, so that is ruled out before anything is
  // touched.
  if (change.add.size() > event_number_max - set.seen().last(self))
    return refusal::exhausted;
  auto delta = set.change(self, change.add, change.remove);
  if (!delta)
    return std::optional<value>{};
  return value{*std::move(delta)};
}

} // namespace

std::vector<payload> members_of(const set_change& change) {
  std::vector<payload> result;
  result.reserve(change.add.size() + change.remove.size());
  for (const auto* list : {&change.add, &change.remove})
    for (const auto& one : *list)
      result.push_back(one.member);
  if (!std::ranges::is_sorted(result))
    std::ranges::sort(result);
  return result;
}

type type_of(const command& c) {
  static_assert(std::variant_size_v<command> == 3);
  return static_cast<type>(c.index() + 1);
}

bool can_create(const command& c, const replica_id& self) {
  const auto* change = std::get_if<set_change>(&c);
  if (!change || !change->add.empty())
    return true;
  // At the bottom there is no event of our own that could have been observed.
  const auto is_foreign = [&](const auto& observed) { return observed.first != self; };
  return std::any_of(change->remove.begin(), change->remove.end(), [&](const member_change& one) {
    return one.observed && std::any_of(one.observed->begin(), one.observed->end(), is_foreign);
  });
}

std::size_t footprint_of(const command& c) {
  auto result = sizeof(command);
  if (const auto* assigned = std::get_if<register_assign>(&c))
    result += assigned->what.data.size();
  if (const auto* change = std::get_if<set_change>(&c))
    for (const auto* list : {&change->add, &change->remove})
      for (const auto& [member, observed] : *list)
        result += sizeof(member_change) + member.data.size() +
                  (observed ? observed->size() * sizeof(dot) : 0);
  return result;
}

bool can_grow(const command& c) {
  const auto* change = std::get_if<set_change>(&c);
  return change && !change->add.empty();
}

std::string_view to_string(refusal r) {
  switch (r) {
  case refusal::counter_range:
    return "the counter would leave the signed 64-bit range";
  case refusal::exhausted:
    return "the value has no room for another event";
  }
  return "refused";
}

outcome apply(value& target, const command& c, const replica_id& self, lww_register::stamp wall) {
  assert(target.type() == type_of(c));
  switch (type_of(c)) {
  case type::counter:
    return delta_or(target.as<pn_counter>().add(self, std::get<counter_add>(c).amount),
                    refusal::counter_range);
  case type::register_:
    return delta_or(target.as<lww_register>().assign(self, wall, std::get<register_assign>(c).what),
                    refusal::exhausted);
  case type::set:
    return apply_to(target.as<or_set>(), std::get<set_change>(c), self);
  }
  return std::optional<value>{};
}

} // namespace starling::crdt
