#include "replication/delta_log.hpp"

namespace starling::replication {

void delta_log::append(crdt::key key, const crdt::value& delta,
                       std::optional<session_id> heard_from) {
  entries_.push_back({{std::move(key), delta.encode()}, heard_from});
  bytes_ += entries_.back().delta.size();
  while (bytes_ > bytes_max_)
    drop_first();
}

void delta_log::drop_through(std::uint64_t number) {
  while (!entries_.empty() && first_ <= number)
    drop_first();
}

void delta_log::drop_first() {
  bytes_ -= entries_.front().delta.size();
  entries_.pop_front();
  ++first_;
}

} // namespace starling::replication
