#include "actors/call_guard.hpp"
#include "http/call_table.hpp"
#include "loopback.hpp"
#include "wire/call.hpp"

#include <gtest/gtest.h>

namespace starling::http {
namespace {

using namespace std::chrono_literals;

class CallTable : public threaded_test {
protected:
  static std::string call(std::uint64_t number, std::string_view content,
                          const wire::challenge& to = {{42}}) {
    wire::writer out;
    encode(out, wire::call_header{{7}, number, to});
    out.raw(content);
    return std::move(out).take();
  }

  std::string answer(std::string_view path, std::string_view bytes) const {
    const auto result = calls.answer(*calls.find(path), bytes);
    if (const auto* refusal = std::get_if<response>(&result))
      return std::to_string(refusal->status);
    return std::get<std::string>(result);
  }

  std::vector<std::string> heard;
  call_table calls{
      {sys, 15s},
      track(actors::spawn_call_guard(sys, {42}, 8)),
      {{.path = "/once", .handle = [this](const std::string& x) { return hear("once " + x); }},
       {.path = "/often", .may_be_repeated = true, .handle = [this](const std::string& x) {
          return hear("often " + x);
        }}}};

private:
  std::string hear(std::string what) {
    heard.push_back(what);
    return what;
  }
};

TEST_F(CallTable, KnowsItsPathsOnly) {
  EXPECT_EQ(calls.find("/once")->path, "/once");
  EXPECT_EQ(calls.find("/"), nullptr);
  EXPECT_EQ(calls.find("/once/"), nullptr);
}

TEST_F(CallTable, AHandlerGetsWhatIsBehindTheHeader) {
  EXPECT_EQ(answer("/once", call(1, "content")), "once content");
  EXPECT_EQ(answer("/often", "content"), "often content") << "without a header";
}

TEST_F(CallTable, CarriesOutACallOnceUnlessItMayBeRepeated) {
  answer("/once", call(1, "content"));
  EXPECT_EQ(answer("/once", call(1, "content")), "400");
  answer("/often", "content");
  answer("/often", "content");
  EXPECT_EQ(heard, (std::vector<std::string>{"once content", "often content", "often content"}));
}

TEST_F(CallTable, CarriesOutNoCallForAnotherProcess) {
  EXPECT_EQ(answer("/once", call(1, "content", {{41}})),
            wire::encode_answer(wire::challenge{{42}}));
  EXPECT_EQ(answer("/once", "garbage"), "400");
  EXPECT_TRUE(heard.empty());
}

} // namespace
} // namespace starling::http
