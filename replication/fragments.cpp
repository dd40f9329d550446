#include "replication/fragments.hpp"

#include <algorithm>
#include <utility>

namespace starling::replication {

namespace {

// Of sessions that sent something in pieces; what is known of more than these is given up.
constexpr std::size_t sessions_max = 1024;

} // namespace

fragment cut(std::uint64_t number, std::string_view content, std::uint64_t offset,
             std::size_t bytes_max) {
  return {number, content.size(), offset, std::string{content.substr(offset, bytes_max)}};
}

assembly::outcome assembly::add(session_id from, const fragment& f) {
  if (f.offset > f.size || f.bytes.size() > f.size - f.offset)
    return outcome::start_over;
  if (f.size > bytes_max_)
    return outcome::too_large;
  const auto found = partial_.find(from);
  const bool is_known = found != partial_.end();
  if (is_known && f.number < found->second.number)
    return outcome::start_over;
  if (!is_known || f.number > found->second.number) {
    if (f.offset != 0)
      return outcome::start_over;
    forget(from);
    if (!make_room(f.size))
      return outcome::busy;
    partial_[from] = {f.number, f.size, {}};
    bytes_ += f.size;
  }
  auto& p = partial_.at(from);
  if (p.is_used)
    return outcome::done;
  if (f.size != p.size || f.offset > p.bytes.size())
    return outcome::start_over;
  p.age = 0;
  if (f.offset + f.bytes.size() > p.bytes.size())
    p.bytes.append(f.bytes, p.bytes.size() - f.offset);
  return p.bytes.size() == p.size && f.offset + f.bytes.size() == p.size ? outcome::whole
                                                                         : outcome::kept;
}

void assembly::used(session_id from, std::uint64_t number) {
  const auto found = partial_.find(from);
  if (found != partial_.end() && found->second.number == number)
    drop(found->second);
}

void assembly::forget(session_id from) {
  if (const auto found = partial_.find(from); found != partial_.end()) {
    drop(found->second);
    partial_.erase(found);
  }
}

/// Only that it was used is still known.
void assembly::drop(partial& p) {
  if (std::exchange(p.is_used, true))
    return;
  bytes_ -= p.size;
  p.bytes = {};
}

void assembly::age() {
  for (auto& [session, p] : partial_)
    p.age = std::min(p.age + 1, old);
}

/// Gives up what is old until there is room for so many more bytes.
bool assembly::make_room(std::uint64_t size) {
  const auto has_room = [&] {
    return bytes_ + size <= bytes_max_ && partial_.size() < sessions_max;
  };
  for (auto it = partial_.begin(); it != partial_.end() && !has_room();) {
    const auto at = it++;
    if (at->second.age == old)
      forget(at->first);
  }
  return has_room();
}

} // namespace starling::replication
