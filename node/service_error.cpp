#include "node/service_error.hpp"

#include "actors/types.hpp"

namespace starling::node {

bool may_have_happened(service_error why) {
  switch (why) {
  case service_error::internal:
  case service_error::timed_out:
  case service_error::write_unknown:
  case service_error::write_cut_off:
    return true;
  default:
    return false;
  }
}

service_error service_error_of(const caf::error& why) {
  using actors::errc;
  if (why.category() != caf::type_id_v<errc>)
    return service_error::internal;
  switch (static_cast<errc>(why.code())) {
  case errc::no_such_key:
    return service_error::no_such_key;
  case errc::counter_range:
    return service_error::counter_range;
  case errc::exhausted:
    return service_error::exhausted;
  case errc::value_too_large:
    return service_error::value_too_large;
  case errc::disk_full:
    return service_error::disk_full;
  case errc::disk_failed:
    return service_error::disk_failed;
  case errc::unreadable:
    return service_error::unreadable;
  case errc::being_mended:
    return service_error::being_mended;
  case errc::newer_format:
    return service_error::newer_format;
  case errc::key_busy:
    return service_error::key_busy;
  case errc::write_unknown:
    return service_error::write_unknown;
  case errc::bad_message: // those that only peers can cause
  case errc::foreign_peer:
  case errc::unreachable:
    return service_error::internal;
  }
  return service_error::internal;
}

} // namespace starling::node
