#pragma once

// The members that a node knows: a CRDT. Each address has the latest of all records joined into it
// (see `member` for their order), so joining is commutative, associative and idempotent.
//
// A process draws a new node id at each start; what stays is its address. So the address is the
// key, and a restart replaces its former life by a higher generation. No record is ever removed.

#include "membership/member.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace starling::membership {

class roster {
public:
  using table = std::map<std::string, member, std::less<>>;

  /// Takes the later record for its address; says whether it was news.
  bool join(const member& record);

  /// The record of an address; null when there is none.
  const member* find(std::string_view address) const;

  const table& records() const { return records_; }
  std::size_t size() const { return records_.size(); }

  friend bool operator==(const roster&, const roster&) = default;

private:
  table records_;
};

} // namespace starling::membership
