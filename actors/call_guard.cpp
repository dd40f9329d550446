#include "actors/call_guard.hpp"

#include "actors/end_on_error.hpp"
#include "wire/call_guard.hpp"

#include <caf/telemetry/counter.hpp>
#include <caf/telemetry/metric_registry.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace starling::actors {

namespace {

class call_guard_impl : public call_guard_actor::base {
public:
  call_guard_impl(caf::actor_config& cfg, wire::session_id own, std::size_t most_callers)
      : call_guard_actor::base(cfg), guard_(own, most_callers),
        repeated_(home_system().metrics().counter_singleton(
            "starling", "calls.repeated", "Calls that were refused because they were made before.",
            "1", true)) {
    end_process_on_error(this);
  }

  const char* name() const override { return "call_guard"; }

  behavior_type make_behavior() override {
    return {[this](message_atom, const std::string& call) { return admit(call); }};
  }

private:
  caf::result<std::string> admit(const std::string& call) {
    const auto before = guard_.repeated();
    auto admission = guard_.admit(call);
    repeated_->inc(static_cast<std::int64_t>(guard_.repeated() - before));
    if (const auto* error = std::get_if<wire::decode_error>(&admission))
      return caf::make_error(errc::bad_message, std::string{error->what});
    if (auto* other = std::get_if<wire::call_guard::challenged>(&admission))
      return std::move(other->answer);
    return std::string{};
  }

  wire::call_guard guard_;
  caf::telemetry::int_counter* repeated_;
};

} // namespace

call_guard_actor spawn_call_guard(caf::actor_system& sys, wire::session_id own,
                                  std::size_t most_callers) {
  return sys.spawn<call_guard_impl>(own, most_callers);
}

} // namespace starling::actors
