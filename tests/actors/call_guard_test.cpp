#include "actors/call_guard.hpp"
#include "fixture.hpp"
#include "wire/call.hpp"

namespace starling::actors {
namespace {

class CallGuardActor : public actor_test {
protected:
  static std::string call(std::uint64_t from, std::uint64_t number, const wire::challenge& to) {
    wire::writer out;
    encode(out, wire::call_header{{from}, number, to});
    out.raw("content");
    return std::move(out).take();
  }

  std::string admit(const std::string& bytes) {
    return ask<std::string>(guard, message_atom_v, bytes);
  }

  caf::error refuse(const std::string& bytes) {
    return ask_error<std::string>(guard, message_atom_v, bytes);
  }

  call_guard_actor guard = track(spawn_call_guard(sys, {42}, 2));
};

TEST_F(CallGuardActor, LetsACallInOnce) {
  EXPECT_EQ(admit(call(7, 1, {{42}})), "");
  EXPECT_EQ(refuse(call(7, 1, {{42}})), errc::bad_message);
  EXPECT_EQ(admit(call(7, 2, {{42}})), "");
}

TEST_F(CallGuardActor, ChallengesACallForAnotherProcess) {
  EXPECT_EQ(admit(call(7, 1, {})), wire::encode_answer(wire::challenge{{42}}));
  EXPECT_EQ(admit(call(7, 1, {{41}})), wire::encode_answer(wire::challenge{{42}}));
  EXPECT_EQ(admit(call(7, 1, {{42}})), "");
}

TEST_F(CallGuardActor, RefusesBytesThatAreNoCall) {
  EXPECT_EQ(refuse(""), errc::bad_message);
  EXPECT_EQ(refuse("garbage"), errc::bad_message);
}

TEST_F(CallGuardActor, RemembersAsManyCallersAsItIsTold) {
  for (const std::uint64_t caller : {1, 2, 3})
    EXPECT_EQ(admit(call(caller, 1, {{42}})), "");
  EXPECT_EQ(admit(call(1, 1, {{42}})), wire::encode_answer(wire::challenge{{42}, 1}));
}

} // namespace
} // namespace starling::actors
