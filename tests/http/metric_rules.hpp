#pragma once

// What is wrong with a page of metrics: the rules of Prometheus' text format and the conventions
// that `promtool check metrics` looks for, as far as they concern us.

#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace starling {

class metric_rules {
public:
  static std::vector<std::string> complaints_about(const std::string& page) {
    metric_rules rules;
    std::istringstream lines{page};
    for (std::string line; std::getline(lines, line);)
      rules.read(line);
    rules.end_family();
    if (!page.ends_with('\n'))
      rules.complain("the page does not end with a line");
    return rules.complaints_;
  }

private:
  void complain(const std::string& what) { complaints_.push_back(what); }

  void read(const std::string& line) {
    static const std::regex help{R"(# HELP ([a-z][a-z0-9_]*) ((?:[^\\]|\\[\\n])+))"};
    static const std::regex type{R"(# TYPE ([a-z][a-z0-9_]*) (counter|gauge|histogram))"};
    static const std::regex sample{
        R"re(([a-z][a-z0-9_]*)(\{(?:[a-z_][a-z0-9_]*="(?:[^"\\]|\\[\\"n])*"(?:,(?=[a-z])|(?=\})))+\})? )re"
        R"re(([-+]?[0-9.]+(?:e[-+]?[0-9]+)?|NaN|[-+]Inf))re"};
    std::smatch part;
    if (std::regex_match(line, part, help))
      begin_family(part[1], part[2]);
    else if (std::regex_match(line, part, type))
      set_type(part[1], part[2]);
    else if (std::regex_match(line, part, sample))
      take(part[1], part[2]);
    else
      complain("no line of the format, or one with a time: " + line);
  }

  void begin_family(const std::string& name, const std::string& help) {
    end_family();
    if (!families_.insert(name).second)
      complain(name + " is there twice, or its samples are apart");
    name_ = name;
    if (help.starts_with("Of ") || help.starts_with("That ") || help.starts_with("Those "))
      complain(name + " has a help text that cannot be read alone: " + help);
  }

  void set_type(const std::string& name, const std::string& type) {
    if (name != name_ || !type_.empty())
      complain(name + " has a type where none belongs");
    type_ = type;
    if ((type == "counter") != name.ends_with("_total"))
      complain(name + ": a counter's name ends in _total, and no other does");
    for (const auto* end : {"_bucket", "_count", "_sum"})
      if (name.ends_with(end))
        complain(name + " ends like a part of a histogram");
    std::istringstream words{name};
    for (std::string word; std::getline(words, word, '_');)
      if (std::set<std::string_view>{"milliseconds", "microseconds", "nanoseconds", "minutes",
                                     "hours", "days", "ms", "us", "ns", "sec", "kb", "mb", "gb",
                                     "kilobytes", "megabytes", "bits", "gauge", "counter",
                                     "histogram"}
              .contains(word))
        complain(name + " is not in base units, or names its type: " + word);
  }

  void take(const std::string& name, const std::string& labels) {
    if (type_.empty())
      complain(name + " has no type");
    auto base = name;
    if (type_ == "histogram")
      for (const std::string end : {"_bucket", "_count", "_sum"})
        if (name == name_ + end) {
          base = name_;
          parts_.insert(end);
          has_last_ |= labels.find("le=\"+Inf\"") != std::string::npos;
        }
    if (base != name_)
      complain(name + " stands among the samples of " + name_);
    if (!series_.insert(name + labels).second)
      complain(name + labels + " is there twice");
  }

  void end_family() {
    if (!name_.empty() && type_.empty())
      complain(name_ + " has no type");
    if (type_ == "histogram" && (parts_.size() != 3 || !has_last_))
      complain(name_ + " is no whole histogram");
    name_.clear();
    type_.clear();
    parts_.clear();
    has_last_ = false;
  }

  std::string name_;
  std::string type_;
  std::set<std::string> parts_; // of a histogram
  bool has_last_ = false;
  std::set<std::string> families_;
  std::set<std::string> series_;
  std::vector<std::string> complaints_;
};

} // namespace starling
