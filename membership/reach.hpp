#pragma once

// Whether anybody reaches a node that lives. A node behind a wrong address, a firewall or an
// address translation contradicts each accusation, since its own packets get out. Then it is
// accused again, since nobody's packets get in. Such a node is a member, and learns nothing.
//
// One accusation says little: packets are lost, and processes pause. So a node counts as unreached
// only after several attempts in vain and as many contradictions. Anything that gets in ends the
// doubt.

#include "membership/member.hpp"

#include <algorithm>
#include <utility>

namespace starling::membership {

class reach {
public:
  /// So many attempts in vain, and as many contradictions, without anything that got in between.
  static constexpr unsigned enough = 3;

  /// A packet or call to the node was not answered.
  void missed() { misses_ = std::min(misses_ + 1, enough); }

  /// The node contradicted an accusation. Says whether it is unreached from now on.
  bool contradicted(duration now) {
    contradictions_ = std::min(contradictions_ + 1, enough);
    last_ = now;
    return !std::exchange(is_unreached_, misses_ == enough && contradictions_ == enough) &&
           is_unreached_;
  }

  /// Something got in. Says whether the node was unreached until now.
  bool reached() { return std::exchange(*this, reach{}).is_unreached_; }

  bool is_unreached() const { return is_unreached_; }

  /// When the node contradicted last; zero if it never did.
  duration last_contradiction() const { return last_; }

private:
  unsigned misses_ = 0;
  unsigned contradictions_ = 0;
  bool is_unreached_ = false;
  duration last_{0};
};

} // namespace starling::membership
