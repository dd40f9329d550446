#include "config/environment.hpp"
#include "config/option_table.hpp"

#include <gmock/gmock.h>
#include <set>

namespace starling::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using testing::Pair;

TEST(Environment, IsWhatBeginsWithOurName) {
  std::string all[] = {"PATH=/bin", "STARLING_HTTP_LISTEN=a:1", "STARLING_X=a=b", "STARLINGD=/x",
                       "STARLING_NOTHING"};
  char* raw[] = {all[0].data(), all[1].data(), all[2].data(),
                 all[3].data(), all[4].data(), nullptr};
  EXPECT_THAT(environment_of(raw),
              ElementsAre(Pair("STARLING_HTTP_LISTEN", "a:1"), Pair("STARLING_X", "a=b")));
  EXPECT_THAT(environment_of(nullptr), IsEmpty());
}

TEST(Environment, HasAVariableOfItsOwnForEachOption) {
  EXPECT_EQ(variable_of("http.listen"), "STARLING_HTTP_LISTEN");
  EXPECT_EQ(variable_of("storage.data-dir"), "STARLING_STORAGE_DATA_DIR");
  options any;
  std::set<std::string> names;
  visit_options(any, [&](std::string_view name, auto&, const auto&, std::string_view) {
    const auto variable = variable_of(name);
    EXPECT_TRUE(names.insert(variable).second) << variable;
    EXPECT_THAT(strangers_in({{variable, "x"}}), IsEmpty());
    EXPECT_THAT(settings_of({{variable, "x"}}), ElementsAre(Pair(name, "x")));
  });
}

TEST(Environment, TakesAnEmptyVariableForNone) {
  EXPECT_THAT(settings_of({{"STARLING_HTTP_THREADS", ""}}), IsEmpty());
  EXPECT_EQ(config_file_of({{"STARLING_CONFIG_FILE", ""}}), std::nullopt);
}

TEST(Environment, NamesTheFile) {
  EXPECT_THAT(config_file_of({{"STARLING_CONFIG_FILE", "/a"}}), Optional(std::string{"/a"}));
  EXPECT_THAT(strangers_in({{"STARLING_CONFIG_FILE", "/a"}}), IsEmpty());
}

TEST(Environment, FindsMisspeltVariables) {
  EXPECT_THAT(strangers_in({{"STARLING_HTTP_LISTN", "a:1"}, {"STARLING_http_listen", "a:1"}}),
              ElementsAre("STARLING_HTTP_LISTN", "STARLING_http_listen"));
}

TEST(Environment, ExpectsWhatServicesOfOurNameLeaveThere) {
  for (const auto* name :
       {"STARLING_SERVICE_HOST", "STARLING_SERVICE_PORT", "STARLING_SERVICE_PORT_HTTP",
        "STARLING_PORT", "STARLING_PORT_8080_TCP", "STARLING_PORT_8080_TCP_ADDR",
        "STARLING_HTTP_SERVICE_HOST", "STARLING_HTTP_PORT", "STARLING_STARTED_AGAIN"}) {
    EXPECT_THAT(strangers_in({{name, "x"}}), IsEmpty()) << name;
    EXPECT_THAT(settings_of({{name, "x"}}), IsEmpty()) << name;
  }
}

} // namespace
} // namespace starling::config
