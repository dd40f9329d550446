#include "membership/roster.hpp"

namespace starling::membership {

bool roster::join(const member& record) {
  const auto [place, is_new] = records_.try_emplace(record.address, record);
  if (is_new)
    return true;
  if (record <= place->second)
    return false;
  place->second = record;
  return true;
}

const member* roster::find(std::string_view address) const {
  const auto found = records_.find(address);
  return found == records_.end() ? nullptr : &found->second;
}

} // namespace starling::membership
