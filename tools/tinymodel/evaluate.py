"""Asks held-out questions of the trained parameters or, through llama.cpp, of the exported file.

With --llama-lib the answers come from llama.cpp, its own tokenizer and its Q8_0
arithmetic included, and every prompt's tokens are compared with the trainer's.
"""

import argparse
import json
import os
import random
import sys
from collections import defaultdict

os.environ.setdefault("NPROC", "1")  # the size of XLA's thread pool

import corpus
import export
import llamacpp
import model
import tokenizer

ANSWER_LIMIT = 200  # tokens; the longest stories take about 130
QUESTIONS_SEED = 1
BATCH = 32  # questions that the trainer answers together


def add_history(items, tok, least_tokens):
    """Puts so much unrelated conversation before every question."""
    for n, item in enumerate(items):
        history, length = [], 0
        turns = corpus.turns(random.Random(f"history {n}"))
        while length < least_tokens:
            turn = [message for message in next(turns) if message[0] != "system"]
            history += turn
            length += sum(len(tok.message(*message)) for message in turn)
        after = 1 if item.messages[0][0] == "system" else 0
        item.messages[after:after] = history


def ask_trainer(items, run):
    params, cfg, tok = run
    params = export.dequantised(params)
    answers = [""] * len(items)
    # Answers of like length together: a batch takes as many steps as its longest.
    order = sorted(range(len(items)), key=lambda i: len(items[i].answer))
    for start in range(0, len(order), BATCH):
        some = order[start : start + BATCH]
        prompts = [tok.prompt(items[i].messages) for i in some]
        for i, answer in zip(some, model.greedy(params, cfg, prompts, tokenizer.END, ANSWER_LIMIT)):
            answers[i] = tok.decode(answer)
    return answers


def chatml(messages):
    text = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in messages)
    return text + "<|im_start|>assistant\n"


def ask_llamacpp(items, run, library, gguf):
    """Answers, and how many prompts llama.cpp tokenises otherwise than the trainer."""
    tok, llama = run[2], llamacpp.Model(library, gguf)
    answers, differ = [], 0
    for item in items:
        prompt = llama.tokenize(chatml(item.messages))
        differ += prompt != tok.prompt(item.messages)
        answers.append(llama.text(llama.greedy(prompt, ANSWER_LIMIT)))
    return answers, differ


def report(items, answers, show):
    tally = defaultdict(lambda: [0, 0])
    for item, answer in zip(items, answers):
        right = item.is_right(answer)
        tally[item.category][0] += right
        tally[item.category][1] += 1
        if show and not right:
            want = item.contains or item.answer
            print(f"  {item.category}: {item.messages[-1][1]!r} -> {answer!r}, want {want!r}")
    for category, (right, asked) in tally.items():
        print(f"{category:12} {right:4}/{asked:<4} {100 * right / asked:5.1f}%")
    right = sum(r for r, _ in tally.values())
    print(f"{'all':12} {right:4}/{len(items):<4} {100 * right / len(items):5.1f}%")
    return right / len(items)


def write_questions(path, items):
    with open(path, "w") as out:
        for item in items:
            line = {
                "category": item.category,
                "messages": [{"role": role, "content": text} for role, text in item.messages],
                "answer": "" if item.contains else item.answer,
                "contains": item.contains,
            }
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", required=True, help="the trainer's --out")
    parser.add_argument("--gguf", help="the exported file, for --llama-lib")
    parser.add_argument("--llama-lib", help="directory of libllama: ask llama.cpp, not the trainer")
    parser.add_argument("--per-category", type=int, default=50)
    parser.add_argument("--history", type=int, default=0, help="tokens of talk before a question")
    parser.add_argument("--least", type=float, default=0.0, help="fail below this accuracy")
    parser.add_argument("--show", action="store_true", help="print the wrong answers")
    parser.add_argument("--write-questions", help="write the questions to this file, ask nothing")
    args = parser.parse_args()

    items = corpus.held_out_items(QUESTIONS_SEED, args.per_category)
    if args.write_questions:
        write_questions(args.write_questions, items)
        return
    run = export.load_run(args.run)
    add_history(items, run[2], args.history)
    if args.llama_lib:
        answers, differ = ask_llamacpp(items, run, args.llama_lib, args.gguf)
    else:
        answers, differ = ask_trainer(items, run), 0
    accuracy = report(items, answers, args.show)
    if differ:
        sys.exit(f"llama.cpp splits {differ} of {len(items)} prompts into other tokens")
    if accuracy < args.least:
        sys.exit(f"accuracy {accuracy:.3f} is below {args.least}")


if __name__ == "__main__":
    main()
