#include "actors/verifier.hpp"

#include "actors/end_on_error.hpp"

#include <caf/disposable.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace starling::actors {

namespace {

constexpr std::chrono::milliseconds start_delay{1000};
constexpr std::chrono::milliseconds rest_min{10};
constexpr int rest_for_reading = 9;

class verifier_impl : public verifier_actor::base {
public:
  verifier_impl(caf::actor_config& cfg, verifier_context context)
      : verifier_actor::base(cfg), context_(std::move(context)) {
    end_process_on_error(this);
  }

  const char* name() const override { return "verifier"; }

  void on_exit() override {
    timer_.dispose();
    context_.rows = nullptr;
    context_.disk = nullptr;
  }

  behavior_type make_behavior() override {
    look_in(start_delay);
    return {[this](tick_atom) { read_next(); }};
  }

private:
  void look_in(std::chrono::milliseconds rest) {
    timer_ = run_delayed(rest, [this] { read_next(); });
  }

  void read_next() {
    if (parts_.empty()) {
      parts_ = context_.rows->parts();
      std::ranges::reverse(parts_);
    }
    if (parts_.empty())
      return look_in(context_.interval);
    const auto start = std::chrono::steady_clock::now();
    if (auto found = context_.rows->verify(parts_.back()))
      anon_send(context_.disk, damaged_atom_v, std::move(*found));
    parts_.pop_back();
    const auto took = std::chrono::steady_clock::now() - start;
    look_in(parts_.empty() ? context_.interval
                           : std::max(rest_min, std::chrono::ceil<std::chrono::milliseconds>(
                                                    rest_for_reading * took)));
  }

  verifier_context context_;
  std::vector<std::string> parts_; // still to be read, the last one first
  caf::disposable timer_;
};

} // namespace

verifier_actor spawn_verifier(caf::actor_system& sys, const verifier_context& context) {
  return context.has_own_thread ? sys.spawn<verifier_impl, caf::detached>(context)
                                : sys.spawn<verifier_impl>(context);
}

} // namespace starling::actors
