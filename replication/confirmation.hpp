#pragma once

// Whether a node that comes back may go on numbering under its old id: it asks whom it knows what
// the latest is that they know of it.
//
// An answer above its own count shows that its disk was set back, and it must take another id.
// Where all that were asked answer and none does so, it goes on; where some do not answer in time,
// it goes on by what the others say. While nobody has answered, nothing may be numbered under the
// old id: who has to number something takes a new one.
//
// This is a value: whoever drives it asks, and tells it what came of that and when time is up.

#include "crdt/replica_id.hpp"
#include "replication/session.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace starling::replication {

/// What is asked: the latest that is known of a replica id.
std::string encode_question(const crdt::replica_id& about);
wire::decoded<crdt::replica_id> decode_question(std::string_view bytes);

/// What is answered.
struct statement {
  session_id from;           // a node that asks itself must not believe that
  std::uint64_t changes = 0; // of the replica id; 0 if nothing is known of it
  friend bool operator==(const statement&, const statement&) = default;
};
std::string encode(const statement& s);
wire::decoded<statement> decode_statement(std::string_view bytes);

class confirmation {
public:
  enum class outcome : std::uint8_t {
    open,     // nothing is settled
    sure,     // nobody who answered knows of later changes
    set_back, // somebody does
  };

  /// `own` is what this node has counted, by its disk.
  confirmation(std::uint64_t own, const std::vector<std::string>& addresses);

  /// Somebody else is to be asked, too.
  void add(const std::string& address);

  /// Those that are to be asked now; each is under way until one of the three below.
  std::vector<std::string> due();

  /// Somebody else is there, and knows of so many changes.
  void answered(const std::string& address, std::uint64_t changes);

  /// Nobody else is there: it is this node itself, or a name for others that are asked.
  void leave_out(const std::string& address);

  /// No answer: it is to be asked again.
  void failed(const std::string& address);

  /// From now on those count that have answered.
  void time_is_up() { is_time_up_ = true; }

  outcome result() const;

  /// The most that anybody knows.
  std::uint64_t highest() const { return highest_; }

  /// Those that did not answer.
  std::vector<std::string> silent() const;

  std::size_t answers() const;

private:
  enum class state : std::uint8_t { due, under_way, answered, left_out };

  std::uint64_t own_;
  std::uint64_t highest_ = 0;
  bool is_time_up_ = false;
  std::map<std::string, state> asked_;
};

} // namespace starling::replication
