#include "actors/ask.hpp"
#include "actors/ending.hpp"
#include "actors/interfaces.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <gtest/gtest.h>

#include <atomic>

namespace starling::actors {
namespace {

using namespace std::chrono_literals;

// Answers each text, but for those that it refuses or keeps.
using listener_actor = caf::typed_actor<caf::result<std::string>(message_atom, std::string),
                                        caf::result<void>(tick_atom)>;

/// Actors on threads.
class Ask : public testing::Test {
protected:
  Ask()
      : types_are_registered_((register_types(), true)), sys(config_),
        listener(sys.spawn([](listener_actor::pointer self) { return behave(self); })) {}

  ~Ask() override { caf::anon_send_exit(listener, caf::exit_reason::user_shutdown); }

private:
  static listener_actor::behavior_type behave(listener_actor::pointer self) {
    auto kept = std::make_shared<std::vector<caf::typed_response_promise<std::string>>>();
    return {[self, kept](message_atom, const std::string& text) -> caf::result<std::string> {
              if (text == "refused")
                return errc::bad_message;
              auto promise = self->make_response_promise<std::string>();
              if (text == "kept")
                kept->push_back(promise);
              else
                promise.deliver("heard " + text);
              return promise;
            },
            [](tick_atom) {}};
  }

  struct config : caf::actor_system_config {
    config() { set("caf.scheduler.max-threads", 2u); }
  };

  const bool types_are_registered_; // before `config_` exists
  config config_;

protected:
  caf::actor_system sys;
  listener_actor listener;
};

TEST_F(Ask, GetsTheAnswer) {
  const auto came = ask<std::string>(sys, listener, message_atom_v, std::string{"this"});
  EXPECT_EQ(std::get<std::string>(came), "heard this");
  EXPECT_TRUE(
      std::holds_alternative<std::monostate>(ask<std::monostate>(sys, listener, tick_atom_v)));
}

TEST_F(Ask, GetsTheErrorOfWhoRefuses) {
  const auto came = ask<std::string>(sys, listener, message_atom_v, std::string{"refused"});
  EXPECT_EQ(std::get<caf::error>(came), errc::bad_message);
}

TEST_F(Ask, WaitsNoLongerThanItMay) {
  const auto came = ask_for<std::string>(1ms, sys, listener, message_atom_v, std::string{"kept"});
  EXPECT_EQ(std::get<caf::error>(came), caf::sec::request_timeout);
}

TEST_F(Ask, LearnsThatTheActorHasEnded) {
  auto before = begin_to_ask<std::string>(sys, listener, message_atom_v, std::string{"kept"});
  caf::anon_send_exit(listener, caf::exit_reason::user_shutdown);
  wait_for_end(listener);

  EXPECT_TRUE(std::holds_alternative<caf::error>(before.wait()));
  EXPECT_TRUE(std::holds_alternative<caf::error>(
      ask<std::string>(sys, listener, message_atom_v, std::string{"this"})));
}

TEST_F(Ask, WaitsForTheEndOfAnActorThatHasEndedAlready) {
  caf::anon_send_exit(listener, caf::exit_reason::user_shutdown);
  wait_for_end(listener);
  wait_for_end(listener);
}

} // namespace
} // namespace starling::actors
