#include "membership/paths.hpp"

#include <utility>

namespace starling::membership {

bool paths::datagram_answered() {
  ping_misses_ = 0;
  return std::exchange(datagrams_blocked_, false);
}

bool paths::lives_otherwise(const timing& t) {
  if (datagrams_blocked_ || ping_misses_ < t.misses)
    return false;
  return datagrams_blocked_ = true;
}

void paths::call_missed(duration now) {
  if (call_misses_++ == 0)
    first_call_miss_ = now;
}

bool paths::call_answered() {
  call_misses_ = 0;
  return std::exchange(calls_blocked_, false);
}

bool paths::calls_fail(const timing& t, duration now) {
  if (calls_blocked_ || call_misses_ < 2 || now - first_call_miss_ < t.patience)
    return false;
  return calls_blocked_ = true;
}

bool paths::own_calls_fail(bool fail) {
  return std::exchange(own_calls_blocked_, fail) != fail;
}

} // namespace starling::membership
