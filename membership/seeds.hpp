#pragma once

// The addresses to join a cluster by: when to try which.
//
// A seed that never answered is tried after a random time below a ceiling that doubles up to
// `backoff_max`, for ever. One that answered is asked again every `interval` or so, unless the
// member that it led to is alive: so a cluster that fell apart finds itself again. Seeds are not
// members.

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
  };

  seeds(std::vector<std::string> addresses, const timing& t);

  /// All are due, as at the start.
  void hurry(duration now);

  /// The seeds to be tried now; each is under way until `reached` or `failed`. `is_alive` says
  /// whether a seed's member needs no visit.
  std::vector<std::string> due(duration now, random_source& random,
                               const std::function<bool(const node_id&)>& is_alive);

  /// It answered, as this member; nothing if that is ourselves.
  void reached(const std::string& seed, const node_id& who, duration now, random_source& random);
  void failed(const std::string& seed, duration now, random_source& random);

  std::optional<duration> next_due() const;
  std::vector<std::string> unreached() const;

  /// Whether some seed other than ourselves was reached, or there is none.
  bool any_reached() const;

  /// A seed turned out to be ourselves.
  void is_ourselves(const std::string& seed, duration now, random_source& random);

private:
  struct state {
    duration due{0};
    std::uint32_t failures = 0;
    bool under_way = false;
    bool ourselves = false;
    bool answered = false;
    std::optional<node_id> who;
  };

  timing timing_;
  std::map<std::string, state> seeds_;
};

} // namespace starling::membership
