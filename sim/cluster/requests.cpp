#include "sim/cluster/requests.hpp"

#include <array>
#include <set>

namespace starling::simulation {

namespace {

crdt::command draw_increment(dice& random) {
  const auto amount = static_cast<std::int64_t>(1 + random.below(100));
  return crdt::counter_add{random.chance(0.5) ? amount : -amount};
}

crdt::command draw_write(dice& random) {
  const auto length = random.below(20);
  const auto size = random.chance(0.05) ? 500 : length;
  const auto letter = static_cast<char>('a' + random.below(26));
  return crdt::register_assign{{crdt::payload_kind::bytes, std::string(size, letter)}};
}

/// A change of one to three members.
crdt::command draw_change(dice& random, const contexts* read) {
  std::set<crdt::payload> members;
  for (auto left = 1 + random.below(3); left > 0; --left)
    members.insert(draw_member(random));
  crdt::set_change result;
  for (const auto& member : members) {
    crdt::member_change change{member, std::nullopt};
    if (read != nullptr && read->contains(member) && random.chance(0.8))
      change.observed = read->at(member);
    (random.chance(0.55) ? result.add : result.remove).push_back(std::move(change));
  }
  return result;
}

} // namespace

crdt::payload draw_member(dice& random) {
  const auto letter = static_cast<char>('a' + random.below(6));
  const std::size_t length =
      letter < 'e' ? 1 : 120; // so that a set may outgrow what is put together
  return {crdt::payload_kind::text, std::string(length, letter)};
}

crdt::key draw_key(dice& random, std::size_t names) {
  constexpr std::array types{crdt::type::counter, crdt::type::register_, crdt::type::set,
                             crdt::type::set, crdt::type::set};
  const auto type = random.one_of(types);
  return {type, std::to_string(random.below(names))};
}

crdt::command draw_command(dice& random, crdt::type type, const contexts* read) {
  switch (type) {
  case crdt::type::counter:
    return draw_increment(random);
  case crdt::type::register_:
    return draw_write(random);
  case crdt::type::set:
    return draw_change(random, read);
  }
  return {};
}

} // namespace starling::simulation
