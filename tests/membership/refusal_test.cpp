#include "membership/refusal.hpp"
#include "wire/call.hpp"

#include <gtest/gtest.h>

namespace starling::membership {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t noon = 1'700'000'000'000; // 2023-11-14T22:13:20Z
constexpr std::uint64_t day = 24ull * 3600 * 1000;

const refusal of_the_clock{.reason = refusal_reason::clock,
                           .clock = noon,
                           .generation = noon + 40 * day,
                           .members = 0,
                           .name = "n0",
                           .why = ""};
const refusal of_too_many{.reason = refusal_reason::full,
                          .clock = noon,
                          .generation = noon,
                          .members = 3,
                          .name = "",
                          .why = ""};

const refusal of_versions{
    .reason = refusal_reason::version, .name = "n0", .why = "", .speaks = {6, 7}, .theirs = {5, 5}};

TEST(Refusal, SaysBothTimesAndTheDifference) {
  const auto text = describe(of_the_clock);
  EXPECT_NE(text.find("2023-12-24T22:13:20Z"), std::string::npos) << text;
  EXPECT_NE(text.find("2023-11-14T22:13:20Z"), std::string::npos) << text;
  EXPECT_NE(text.find("40 days ahead"), std::string::npos) << text;
  EXPECT_NE(text.find("set the clock"), std::string::npos) << text;
}

TEST(Refusal, SaysHowItIsMended) {
  EXPECT_NE(describe(of_too_many).find("swim.max-members allows, 3"), std::string::npos);
  EXPECT_EQ(describe({.reason = refusal_reason::foreign, .name = "", .why = "the key differs"}),
            "the key differs");
}

TEST(Refusal, ShowsNoTimeThatIsNone) {
  auto far = of_the_clock;
  far.generation = generation_max;
  EXPECT_NE(describe(far).find("9999-12-31"), std::string::npos);
  std::swap(far.clock, far.generation);
  EXPECT_NE(describe(far).find("0 hours"), std::string::npos);
}

TEST(Refusal, TravelsAsAnAnswer) {
  for (const auto& r : {of_the_clock, of_too_many, of_versions}) {
    const auto bytes = encode_answer(r);
    EXPECT_EQ(decode_refusal(bytes), r);
    EXPECT_TRUE(std::holds_alternative<wire::decode_error>(wire::decode_answer(bytes)))
        << "it is no content";
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_EQ(decode_refusal(bytes.substr(0, size)), std::nullopt);
    EXPECT_EQ(decode_refusal(bytes + "x"), std::nullopt);
  }
}

TEST(Refusal, OfALaterVersionIsARefusalAllTheSame) {
  auto bytes = encode_answer(of_the_clock);
  bytes[1] = 9;                                             // a reason
  bytes.back() = 7;                                         // and a field
  bytes += std::string{"\4what", 5} + std::string(1, '\0'); // that nobody knows
  const auto read = decode_refusal(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(to_string(read->reason), "unknown");
  EXPECT_EQ(describe(*read), "for a reason that only a later version knows");
}

TEST(Refusal, OfAVersionSaysWhichBothSpeak) {
  const auto text = describe(of_versions);
  EXPECT_NE(text.find("speaks version 5 "), std::string::npos) << text;
  EXPECT_NE(text.find("the other 6 to 7"), std::string::npos) << text;
  auto without = encode_answer(of_versions);
  without.resize(without.size() - 7);
  EXPECT_EQ(decode_refusal(without + '\0'), std::nullopt);
}

TEST(Refusal, IsNoOtherAnswer) {
  EXPECT_EQ(decode_refusal(""), std::nullopt);
  EXPECT_EQ(decode_refusal(wire::encode_answer("content")), std::nullopt);
  EXPECT_EQ(decode_refusal(wire::encode_answer(wire::challenge{{7}, 1})), std::nullopt);
  auto bad = of_the_clock;
  bad.name = std::string(name_bytes_max + 1, 'x');
  EXPECT_EQ(decode_refusal(encode_answer(bad)), std::nullopt);
  bad.name = "a\nb";
  EXPECT_EQ(decode_refusal(encode_answer(bad)), std::nullopt);
  bad = of_the_clock;
  bad.reason = refusal_reason::foreign;
  EXPECT_EQ(decode_refusal(encode_answer(bad)), std::nullopt) << "nobody says so";
}

TEST(Refusals, AreNewsOncePerAddressAndReason) {
  refusals all;
  EXPECT_TRUE(all.note("a:1", of_the_clock, 1s));
  EXPECT_FALSE(all.note("a:1", of_the_clock, 2s));
  EXPECT_TRUE(all.note("b:1", of_the_clock, 2s));
  EXPECT_TRUE(all.note("a:1", of_too_many, 3s));
  EXPECT_EQ(all.entries().size(), 2u);
  EXPECT_EQ(all.entries().find("a:1")->second.since, 3s);

  all.end("b:1");
  EXPECT_TRUE(all.note("b:1", of_the_clock, 4s));
}

TEST(Refusals, AreForgottenUnlessTheyAreRepeated) {
  refusals all;
  all.note("a:1", of_the_clock, 1s);
  all.note("b:1", of_the_clock, 1s);
  all.note("b:1", of_the_clock, 9s);

  all.forget_older(5s);

  EXPECT_EQ(all.entries().size(), 1u);
  EXPECT_EQ(all.entries().begin()->second.since, 1s);
}

TEST(Refusals, AreBounded) {
  refusals all;
  for (int i = 0; i < 1000; ++i)
    all.note(std::to_string(i) + ":1", of_the_clock, 1s);
  EXPECT_EQ(all.entries().size(), refusals::capacity);
}

} // namespace

} // namespace starling::membership
