# shellcheck shell=bash disable=SC2034 # globals shared with the other files here
# What the demo knows of the examples: a folder of examples/ each, workload and folder of one name.

# choose_example NAME NET PRIVACY SECURE: sets example, workload, net (the example's own if NET is empty),
# privacy (no, unless PRIVACY is yes and the example has some) and, for the messages, title,
# what_is_dealt, held_out; usual_islands and usual_rounds, the least_accuracy that they must reach, and
# the most_loss against central training. Dies if there is no such example or network.
choose_example() {
	local nets
	example=$1 workload=$1 privacy=no most_loss=0.03 usual_islands=3
	case $1 in
		digits)
			nets="mlp cnn" title="Handwritten digits" held_out="held-out digits" usual_rounds=10 least_accuracy=0.93
			what_is_dealt="images by digit:       0   1   2   3   4   5   6   7   8   9"
			;;
		hospital)
			nets="logistic" title="Breast cancer, yes or no" held_out="held-out patients" usual_rounds=12 least_accuracy=0.9
			what_is_dealt="patients, of those for training malignant:"
			if [ "$3" = yes ]; then privacy=yes usual_rounds=40 least_accuracy=0.65 most_loss=1; fi
			# five bear that one is lost and that another colludes with the server; fewer do not bear both
			if [ "$privacy$4" = yesyes ]; then usual_islands=5; fi
			;;
		*) die "--example must be digits or hospital, got '$1'" ;;
	esac
	net=${2:-${nets%% *}}
	[[ " $nets " == *" $net "* ]] || die "--net of the example $1 must be ${nets// / or }, got '$net'"
}

# example_config ISLANDS: the session's config as JSON, as the example needs it.
example_config() {
	case $net in
		mlp) printf '"local_epochs": 10, "learning_rate": 0.2, "hyperparameters": {"input_noise": 0.1}' ;;
		cnn) printf '"local_epochs": 3, "learning_rate": 0.1, "hyperparameters": {"input_noise": 0.1}' ;;
		logistic)
			printf '"local_epochs": 20, "learning_rate": 0.1'
			if [ "$privacy" = yes ]; then printf ', "dp_sigma": 2.1, "dp_clip_norm": 0.5, "epsilon_budget": 8'; fi
			;;
	esac | sed 's/.*/{"algorithm": "fed_avg", &, "batch_size": 16, "min_participants": '"$1"', "seed": 1, "keep_versions": "all"}/'
}

# secure_config ISLANDS: what secure aggregation needs besides. Without privacy: values of an update up
# to 4, two metrics summed under masks, sample counts up to those of the largest Island. With privacy the
# clip norm is the range and neither metrics nor counts are sent; at least as many updates are summed as
# the protocol needs Islands at the end of a round anyway, since the noise of the honest ones among
# them is all that counts.
secure_config() {
	local more='"secagg_range": 4, "secagg_sample_cap": 2000, "secagg_metric_bounds": {"evaluation": {"accuracy": 1, "loss": 10}}'
	if [ "$privacy" = yes ]; then more='"min_updates": '$((2 * $1 / 3 + 1)); fi
	printf '{"secure_aggregation": true, "secagg_mode": "active", %s}' "$more"
}

# list_data DIR: the Islands' data files, in the order of the list that data.py has printed.
list_data() { cut -f 1 "$1/data/list" | sed "s|.*|$1/data/&.npz|"; }
