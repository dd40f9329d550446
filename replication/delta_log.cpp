#include "replication/delta_log.hpp"

namespace starling::replication {

void delta_log::append(crdt::key key, crdt::value delta, std::optional<session_id> heard_from) {
  const auto bytes = encoded_item{key, delta.encode()}.size();
  bytes_ += bytes;
  entries_.push_back({std::move(key), std::move(delta), heard_from, bytes});
  while (bytes_ > bytes_max_)
    drop_first();
}

void delta_log::drop_through(std::uint64_t number) {
  while (!entries_.empty() && first_ <= number)
    drop_first();
}

void delta_log::drop_first() {
  bytes_ -= entries_.front().bytes;
  entries_.pop_front();
  ++first_;
}

} // namespace starling::replication
