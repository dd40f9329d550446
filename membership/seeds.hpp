#pragma once

// The names to join a cluster by: when to look up and to ask which.
//
// A name may lead to several addresses, as a service's does that lists all its nodes; this node may
// be among them, or a stranger. So each round looks the name up and asks all its addresses,
// whatever the others of them answer; only one whose member is alive needs no visit. A round
// without a member is followed by another after a random time below a ceiling that doubles up to
// `backoff_max`, for ever; one with a member by another after `interval` or so: so a cluster that
// fell apart finds itself again. Seeds are not members.

#include "membership/member.hpp"
#include "membership/random.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace starling::membership {

class seeds {
public:
  struct timing {
    duration backoff_min;
    duration backoff_max;
    duration interval;
    std::size_t addresses_max = 64; // of a name: asked in one round
    std::size_t lookups_max = 8;    // at a time
    std::size_t calls_max = 3;      // at a time; fewer than a node has clients for its peers
  };

  using aliveness = std::function<bool(const node_id&)>;

  /// One address of one seed.
  struct target {
    std::string seed;
    std::string address;
  };

  enum class outcome : std::uint8_t { untried, ourselves, reached, failed };

  /// What came of asking an address last, or of looking up a name: then without an address.
  struct attempt {
    std::string seed;
    std::string address;
    outcome what = outcome::untried;
    std::string why; // it failed
  };

  seeds(std::vector<std::string> names, const timing& t);

  bool is_empty() const { return seeds_.empty(); }

  /// All are due, as at the start.
  void hurry(duration now);

  /// The names to be looked up now; each is under way until `found` or `not_found`. `is_alive` says
  /// whether a member needs no visit.
  std::vector<std::string> due(duration now, random_source& random, const aliveness& is_alive);

  /// Where a name leads.
  void found(const std::string& seed, std::vector<std::string> addresses, duration now,
             random_source& random, const aliveness& is_alive);
  void not_found(const std::string& seed, const std::string& why, duration now,
                 random_source& random);

  /// The addresses to be asked now; each is under way until one of the three below.
  std::vector<target> to_ask();

  /// It answered, as this member, which is not ourselves.
  void reached(const target& where, const node_id& who, duration now, random_source& random);
  void is_ourselves(const target& where, duration now, random_source& random);
  void failed(const target& where, const std::string& why, duration now, random_source& random);

  /// When `due` has something to say; not before a lookup ends if too many are under way.
  std::optional<duration> next_due() const;

  /// Those of which nobody but ourselves ever answered.
  std::vector<std::string> unreached() const;

  /// Whether some seed led to somebody else, or all of them only to ourselves.
  bool any_reached() const;

  /// Whether each was tried to the end at least once since `hurry`.
  bool are_tried() const;

  std::vector<attempt> attempts() const;

private:
  enum class stage : std::uint8_t { waiting, looking_up, asking };

  struct known_place {
    outcome what = outcome::untried;
    std::string why;
    std::optional<node_id> who;
  };

  struct state {
    duration due{0};
    std::uint32_t failures = 0;
    stage at = stage::waiting;
    bool answered = false; // somebody else, ever
    bool tried = false;    // to the end of a round
    std::string why_not_found;
    std::map<std::string, known_place> places; // as last looked up
    std::vector<std::string> left;             // of them, to be asked in this round
    std::size_t asked = 0;                     // under way
  };

  bool leads_only_to_us(const state& s) const;
  state* asking(const target& where);
  void note(const target& where, const known_place& result, duration now, random_source& random);
  void end_round(state& s, duration now, random_source& random);

  timing timing_;
  std::map<std::string, state> seeds_;
  std::size_t looked_up_ = 0; // now
  std::size_t asked_ = 0;     // now, of all seeds
};

} // namespace starling::membership
