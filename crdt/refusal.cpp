#include "crdt/refusal.hpp"

namespace starling::crdt {

std::string_view to_string(refusal r) {
  switch (r) {
  case refusal::counter_range:
    return "the counter would leave the signed 64-bit range";
  case refusal::exhausted:
    return "the value has no room for another event";
  }
  return "refused";
}

} // namespace starling::crdt
