#include "crdt/register_type.hpp"

#include <cassert>

namespace starling::crdt {

static_assert(replicated<register_type>);

std::size_t register_type::footprint(const state& x) {
  constexpr std::size_t bytes_around = 32; // the stamp and who wrote
  return x.empty() ? 0 : x.current()->what.data.size() + bytes_around;
}

std::size_t register_type::elements_of(wire::reader& in) {
  return in.remaining() > 0 && in.u8() != 0 ? 1 : 0;
}

changed<lww_register> register_type::apply(state& target, const command& c, const replica_id& self,
                                           wall_time wall) {
  auto delta = target.assign(self, wall, c.what);
  if (!delta)
    return refusal::exhausted;
  return delta;
}

register_view register_type::view_of(const state& x, const query&) {
  assert(!x.empty());
  return {x.current()->what};
}

} // namespace starling::crdt
