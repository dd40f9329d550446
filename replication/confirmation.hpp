#pragma once

// Whether a node that comes back may go on numbering under its old id: it asks whom it knows what
// the latest is that they know of it.
//
// An answer above its own count shows that its disk was set back, and it must take another id.
//
// From any other answer something follows only if it comes from a *witness*: somebody who has lost
// nothing since a session in which this node knew it. This node's rows note such sessions, and are
// as old as its count; so whatever it told that node later is still known there. Who has lost what
// it knew, or came later, may just have nothing to say: it is not waited for.
//
// Where all others answer, and a witness is among them, the node goes on; where some do not answer
// in time, it goes on by what the witnesses say. As long as no witness has answered, nothing may be
// numbered under the old id: who has to number something takes a new one.
//
// This is a value: whoever drives it asks, and tells it what came of that and when time is up.

#include "crdt/replica_id.hpp"
#include "replication/session.hpp"

#include <cstdint>
#include <map>
#include <set>
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
  session_id kept_since{};   // what was told to it since then is known there; 0 if that is not so
  friend bool operator==(const statement&, const statement&) = default;
};
std::string encode(const statement& s);
wire::decoded<statement> decode_statement(std::string_view bytes);

class confirmation {
public:
  enum class outcome : std::uint8_t {
    open,     // nothing is settled
    doubtful, // no witness has answered, and none is waited for; one who comes later settles it
    sure,     // no witness knows of later changes
    set_back, // somebody does
  };

  /// `own` is what this node has counted, by its disk; `witnesses` since when others keep what they
  /// know, by its disk.
  confirmation(std::uint64_t own, std::set<session_id> witnesses,
               const std::vector<std::string>& addresses);

  /// Somebody else is to be asked, too.
  void add(const std::string& address);

  /// Those that are to be asked now; each is under way until one of the three below.
  std::vector<std::string> due();

  /// Somebody else is there, and says this.
  void answered(const std::string& address, const statement& said);

  /// Nobody else is there: it is this node itself, or a name for others that are asked.
  void leave_out(const std::string& address);

  /// No answer: it is to be asked again.
  void failed(const std::string& address);

  /// From now on nobody is waited for.
  void time_is_up() { is_time_up_ = true; }

  outcome result() const;

  /// The most that anybody knows.
  std::uint64_t highest() const { return highest_; }

  /// Those that did not answer.
  std::vector<std::string> silent() const;

  /// How many witnesses have answered, and how many others.
  std::size_t testimonies() const { return count(state::testified); }
  std::size_t other_answers() const { return count(state::knows_too_little); }

private:
  enum class state : std::uint8_t { due, under_way, testified, knows_too_little, left_out };

  std::size_t count(state s) const;

  std::uint64_t own_;
  std::set<session_id> witnesses_;
  std::uint64_t highest_ = 0;
  bool is_time_up_ = false;
  std::map<std::string, state> asked_;
};

} // namespace starling::replication
