package logs

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/containerlease/containerlease/reconciler/driver"
)

func TestOrder(t *testing.T) {
	const second = time.Second
	before := []driver.LogRecord{record(1, "a\n"), stderr(record(5, "b\n")), record(3, "c\n"), part(4, "x"), part(4, "x")}
	for name, tc := range map[string]struct {
		rewind bool
		trust  *driver.LogRecord
		next   []driver.LogRecord
		want   []verdict
	}{
		"Later":           {next: []driver.LogRecord{record(6, "d\n")}, want: []verdict{fresh}},
		"OtherStream":     {next: []driver.LogRecord{stderr(record(5, "d\n"))}, want: []verdict{fresh}},
		"PartOfTheLine":   {next: []driver.LogRecord{part(4, "x"), record(4, "x\n"), record(4, "x\n")}, want: []verdict{fresh, fresh, doubtful}},
		"Back":            {next: []driver.LogRecord{record(3, "c\n")}, want: []verdict{doubtful}},
		"BackTrusted":     {trust: new(record(2, "d\n")), next: []driver.LogRecord{record(2, "d\n"), record(1, "e\n")}, want: []verdict{fresh, doubtful}},
		"LastRecordAgain": {next: []driver.LogRecord{stderr(record(5, "b\n"))}, want: []verdict{doubtful}},
		"FromTheBeginning": {rewind: true, next: append(before[:5:5], part(4, "x"), record(7, "d\n")),
			want: []verdict{seen, seen, seen, seen, seen, fresh, fresh}},
		"FromTheMiddle": {rewind: true, next: append(before[3:5:5], stderr(record(6, "d\n"))), want: []verdict{seen, seen, fresh}},
		"LastIsGone":    {rewind: true, next: []driver.LogRecord{record(5+second, "y\n"), record(6+second, "z\n")}, want: []verdict{seen, fresh}},
	} {
		t.Run(name, func(t *testing.T) {
			var o order
			for i, r := range before {
				if o.next(r) != fresh {
					t.Fatalf("record %d is not fresh", i)
				}
			}
			if tc.rewind {
				o.rewind()
			}
			if tc.trust != nil {
				o.trust(*tc.trust)
			}
			var got []verdict
			for _, r := range tc.next {
				got = append(got, o.next(r))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("NothingBefore", func(t *testing.T) {
		var o order
		o.rewind()
		if o.next(record(1, "a\n")) != fresh {
			t.Error("the first record is not fresh")
		}
	})
}
