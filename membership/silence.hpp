#pragma once

// Whether this node hears nothing from anybody: then it is cut off, and not all the others are
// dead.
//
// Silence alone is not enough: between two probes nobody has to say anything. So silence counts
// only after a whole probe has failed, the target, the helpers and the call with it. While a node
// is cut off it delays its verdicts (see `swim`).

#include "membership/member.hpp"
#include "membership/stall.hpp"

#include <optional>

namespace starling::membership {

class silence {
public:
  /// A node that hears nothing for longer than `limit` is cut off.
  explicit silence(duration limit) : limit_(limit) {}

  /// The time of the silence begins now: the node takes part from now on.
  void begin(duration now) { last_heard_ = now; }

  /// Something authentic came. Says whether the node was cut off until now.
  bool heard(duration now);

  /// A probe of this node failed.
  void probe_failed() { probe_failed_since_ = true; }

  /// Says whether the node is cut off from now on; only once for each silence.
  bool begins(duration now);

  bool is_cut_off() const { return is_cut_off_; }

  /// When `begins` may say yes; nothing if something has to happen before.
  std::optional<duration> next_due() const;

  /// Nothing could be heard while this process did not run.
  void absorb(const stall& s, duration now);

private:
  duration limit_;
  duration last_heard_{0};
  bool probe_failed_since_ = false; // since the node heard something last
  bool is_cut_off_ = false;
};

} // namespace starling::membership
