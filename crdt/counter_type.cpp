#include "crdt/counter_type.hpp"

namespace starling::crdt {

static_assert(replicated<counter_type>);

std::size_t counter_type::footprint(const state& x) {
  constexpr std::size_t entry_bytes = 24; // a replica and two totals, mostly small
  return x.entries().size() * entry_bytes;
}

std::size_t counter_type::elements_of(wire::reader& in) {
  return in.varint();
}

changed<pn_counter> counter_type::apply(state& target, const command& c, const replica_id& self,
                                        wall_time) {
  auto delta = target.add(self, c.amount);
  if (!delta)
    return refusal::counter_range;
  return delta;
}

} // namespace starling::crdt
