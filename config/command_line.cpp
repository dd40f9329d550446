#include "config/command_line.hpp"

#include "config/option_table.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <string_view>

namespace starling::config {

namespace {

struct known_option {
  std::string rule; // what its values are, in words
  bool is_flag = false;
};

std::optional<known_option> find_option(std::string_view name) {
  std::optional<known_option> result;
  options any;
  visit_options(any,
                [&]<class T>(std::string_view one, const T&, const auto& rule, std::string_view) {
                  if (one == name)
                    result = {describe(rule), std::is_same_v<T, bool>};
                });
  return result;
}

std::string with_group(std::string_view name) {
  for (const std::string_view one :
       {"data-dir", "durability", "in-memory", "new-identity", "accept-loss"})
    if (name == one)
      return "storage." + std::string{name};
  return std::string{name};
}

/// Goes over the arguments.
class walk {
public:
  explicit walk(const std::vector<std::string>& arguments)
      : next_(arguments.begin()), end_(arguments.end()) {}

  command_line run() && {
    while (next_ != end_ && !result_.complaint)
      read_argument(*next_++);
    return std::move(result_);
  }

private:
  void read_argument(std::string_view argument) {
    if (argument == "--") {
      result_.words.insert(result_.words.end(), next_, end_);
      next_ = end_;
    } else if (argument == "--help" || argument == "-h") {
      result_.wants_help = true;
    } else if (argument == "--version") {
      result_.wants_version = true;
    } else if (argument.starts_with("--")) {
      take_flag(argument.substr(2));
    } else if (argument.starts_with('-') && argument.size() > 1) {
      result_.complaint = fmt::format("{} is unknown; --help lists the options", argument);
    } else {
      result_.words.emplace_back(argument);
    }
  }

  void take_flag(std::string_view flag) {
    const auto name = with_group(flag.substr(0, flag.find('=')));
    std::optional<std::string> value;
    if (const auto assignment = flag.find('='); assignment != std::string_view::npos)
      value = flag.substr(assignment + 1);
    if (name == "config-file")
      take_config_file(std::move(value));
    else if (name.starts_with("caf."))
      take_caf_flag(flag, value.has_value());
    else
      take_option(name, flag, std::move(value));
  }

  void take_config_file(std::optional<std::string> path) {
    if (!path)
      path = take_value();
    if (!path || path->empty())
      result_.complaint = "--config-file needs a value: --config-file=FILE";
    else if (result_.config_file)
      result_.complaint = "--config-file is given twice";
    else
      result_.config_file = std::move(path);
  }

  void take_caf_flag(std::string_view flag, bool has_value) {
    auto& one = result_.for_caf.emplace_back("--" + std::string{flag});
    if (!has_value)
      if (const auto value = take_value())
        one += "=" + *value;
  }

  void take_option(const std::string& name, std::string_view flag,
                   std::optional<std::string> value) {
    const auto known = find_option(name);
    if (!known) {
      // Only the name: the value may be a key.
      result_.complaint =
          fmt::format("--{} is unknown; --help lists the options", flag.substr(0, flag.find('=')));
      return;
    }
    if (!value && known->is_flag)
      value = next_ != end_ && (*next_ == "true" || *next_ == "false") ? *next_++ : "true";
    else if (!value)
      value = take_value();
    if (value)
      result_.settings.emplace_back(name, std::move(*value));
    else
      result_.complaint = fmt::format("{} needs a value: {}", name, known->rule);
  }

  /// The next argument, if it can be the value of a flag.
  std::optional<std::string> take_value() {
    if (next_ == end_ || next_->starts_with("--"))
      return std::nullopt;
    return *next_++;
  }

  std::vector<std::string>::const_iterator next_;
  std::vector<std::string>::const_iterator end_;
  command_line result_;
};

} // namespace

command_line take_apart(const std::vector<std::string>& arguments) {
  return walk{arguments}.run();
}

} // namespace starling::config
