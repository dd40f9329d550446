#pragma once

// What must come to pass in time, L1 to L7, and S12, which says what must not although somebody was
// paused.
//
// A deadline counts only where the schedule of faults gives no excuse for missing it: each check
// asks whether what is going on at the time could be the reason.

#include "sim/chronicle.hpp"
#include "sim/faults.hpp"
#include "sim/membership/process.hpp"
#include "sim/membership/safety.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace starling::simulation {

class liveness {
public:
  using processes = std::vector<std::unique_ptr<process>>;
  using resolver = std::function<std::vector<address>(const std::string&)>;

  /// What a deadline is prolonged by: clocks go wrong by a tenth, and so do deadlines by them.
  static constexpr int slack_of_clocks = 10;

  /// Requires: the faults do not change any more; all references outlive this.
  liveness(timeline& time, chronicle& log, const safety& names, const membership::settings& s,
           const std::vector<fault>& faults, std::size_t nodes, const processes& all,
           resolver resolve, int slack_percent);

  void before(const process& p);
  void after(const process& p, const input& what);
  void sends(const process& p, const membership::packet& sent);
  void is_answered(const process& p, membership::call_kind kind);

  /// The process has ended, for good or not.
  void ended(const process& p);

  /// All faults are over. From now on ask `is_done` every now and then.
  void faults_end();

  /// Whether every cluster has been of one mind for a while; complains when the deadline has
  /// passed.
  bool is_done();

  /// Whether somebody could not possibly find the others, so that nothing was asked at the end.
  bool was_hopeless() const { return !connected_; }

private:
  struct question {
    duration sent{0};
    duration arrived{0};
    membership::node_id target;
    membership::node_id helper;
    bool answered = false;
  };

  enum class agreement : std::uint8_t { none, suspicious, full };

  bool could_excuse_failure(const fault& f, std::size_t members, const process& failed) const;
  bool is_calm(duration from, duration to,
               const std::function<bool(const fault&)>& is_harmless) const;
  bool has_fault(fault_kind k) const;
  void check_failure(const process& p, const membership::event& e);
  void check_refutation(const process& p);
  void check_leave(const process& p, const membership::member& who);
  void check_nack(const process& p, const datagram& d, const packet_sketch& s);
  void check_crash(const process& p);
  unsigned worst_health() const;
  duration detection_bound() const;
  std::vector<const process*> members(std::size_t cluster) const;
  bool is_connected(const std::vector<const process*>& running) const;
  std::size_t ghosts() const;
  agreement agree(std::string* why) const;
  bool digests_are_equal(std::string* why) const;
  duration longest_suspicion(std::size_t members) const;
  duration with_slack(duration d) const { return d * (100 + slack_percent_) / 100; }

  timeline& time_;
  chronicle& log_;
  const safety& names_;
  const membership::settings& settings_;
  const std::vector<fault>& faults_;
  std::size_t nodes_;
  const processes& all_;
  resolver resolve_;
  int slack_percent_;

  std::uint64_t nacks_before_ = 0;
  // Of helpers, by who asked, the number of the probe and where the helper is.
  std::map<std::tuple<std::size_t, std::uint64_t, address>, question> asked_;
  std::map<std::pair<std::size_t, std::uint64_t>, duration> answered_;
  std::map<std::size_t, duration> http_answered_;

  duration view_deadline_{0};
  std::optional<duration> agreed_since_;
  duration equal_deadline_{0};
  bool connected_ = true;
};

} // namespace starling::simulation
