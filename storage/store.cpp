#include "storage/store.hpp"

namespace starling::storage {

std::string_view to_string(trouble t) {
  switch (t) {
  case trouble::full:
    return "full";
  case trouble::read_only:
    return "read-only";
  case trouble::corrupted:
    return "corrupted";
  case trouble::unread:
    return "unread";
  case trouble::broken:
    break;
  }
  return "broken";
}

} // namespace starling::storage
