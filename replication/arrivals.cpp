#include "replication/arrivals.hpp"

#include <cassert>

namespace starling::replication {

void arrivals::begin(session_id from, std::size_t bytes) {
  assert(may_begin(from, bytes));
  sizes_.emplace(from, bytes);
  bytes_ += bytes;
}

void arrivals::end(session_id from) {
  const auto found = sizes_.find(from);
  if (found == sizes_.end())
    return;
  bytes_ -= found->second;
  sizes_.erase(found);
}

} // namespace starling::replication
