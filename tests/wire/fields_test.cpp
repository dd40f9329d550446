#include "wire/fields.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace starling::wire {
namespace {

using namespace std::string_literals;

/// The fields in these bytes, and what is left behind them; nothing if they are not well formed.
struct fields_and_rest {
  std::vector<field> fields;
  std::string rest;
};
std::optional<fields_and_rest> fields_in(std::string_view bytes) {
  reader in{bytes};
  fields_and_rest result;
  read_fields(in, [&](std::uint64_t number, std::string_view content) {
    result.fields.push_back({number, std::string{content}});
  });
  result.rest = in.raw(in.remaining());
  return in.ok() ? std::optional{result} : std::nullopt;
}

TEST(Fields, SurviveAndEndWhereTheyEnd) {
  writer out;
  put_field(out, 1, "one");
  put_field(out, 300, "");
  put_field(out, 301, std::string(200, 'x'));
  end_fields(out);
  out.raw("rest");

  const auto read = fields_in(out.view());

  ASSERT_TRUE(read);
  EXPECT_EQ(read->fields,
            (std::vector<field>{{1, "one"}, {300, ""}, {301, std::string(200, 'x')}}));
  EXPECT_EQ(read->rest, "rest");
  reader in{out.view()};
  skip_fields(in);
  EXPECT_EQ(in.raw(in.remaining()), "rest");
}

TEST(Fields, MayBeNone) {
  EXPECT_TRUE(fields_in("\0"s)->fields.empty());
}

TEST(Fields, ComeOnceAndInTheOrderOfTheirNumbers) {
  EXPECT_TRUE(fields_in("\1\0\2\0\0"s));
  EXPECT_FALSE(fields_in("\2\0\1\0\0"s));
  EXPECT_FALSE(fields_in("\1\0\1\0\0"s));
}

TEST(Fields, AreRefusedIfTruncated) {
  const auto whole = "\1\3abc\2\1x\0"s;
  ASSERT_TRUE(fields_in(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(fields_in(whole.substr(0, size))) << size;
}

} // namespace
} // namespace starling::wire
