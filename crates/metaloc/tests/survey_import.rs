//! Importers, on made-up files of each format.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::path::Path;

use metaloc::survey::import::{
    DropDuplicates, EnvironmentBy, ImportFormat, ImportOptions, ImportReport, import,
};
use metaloc::survey::{Survey, SurveyError, SurveyFormat};

fn run(
    format: ImportFormat,
    path: &Path,
    options: &ImportOptions,
) -> Result<(Survey, ImportReport), SurveyError> {
    import(format, &[path.to_owned()], options)
}

fn names(survey: &Survey) -> Vec<&str> {
    survey.environments.iter().map(|e| e.name.as_str()).collect()
}

fn put(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Two months; in 01: a row on floor 0, a repeat in all but time, a repeat in all, an empty row.
fn two_months() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    put(
        folder.path(),
        &[
            (
                "01/trn01rss.csv",
                "100,-60,100\n-50,100,100\n-50,100,100\n-50,100,100\n100,100,100\n",
            ),
            ("01/trn01crd.csv", "12.91,29.22,0\n1.5,2,3\n1.5,2,3\n1.5,2,3\n4,2,5\n"),
            (
                "01/trn01tms.csv",
                "20160622142229712\n20160622142230000\n20160622142231000\n20160622142231000\n\
                 20160622142260000\n",
            ),
            ("01/trn01ids.csv", "1\n2\n3\n4\n5\n"),
            ("02/tst01rss.csv", "-71,100,-55\n"),
            ("02/tst01crd.csv", "1.5,2,3\n"),
            ("02/tst01tms.csv", "20160722142229712\n"),
            ("02/tst01ids.csv", "1\n"),
        ],
    );
    folder
}

#[test]
fn uji_library_rows_become_environments_by_month() {
    let folder = two_months();
    let (survey, report) =
        run(ImportFormat::UjiLibrary, folder.path(), &ImportOptions::default()).unwrap();
    assert_eq!(names(&survey), ["01", "02"]);
    assert_eq!((report.files, report.rows_read, report.rows_kept), (8, 6, 3));
    let dropped: Vec<_> = report.dropped.iter().map(|(reason, n)| (*reason, *n)).collect();
    let expected = [
        ("empty: no access point heard", 1),
        ("identical to an earlier row", 1),
        ("unknown floor (the library's are 3 and 5)", 1),
    ];
    assert_eq!(dropped, expected);
    let first = &survey.environments[0].samples[0];
    assert_eq!(
        (&*first.id, &*first.set, first.time_ms),
        ("2-trn01", "trn01", Some(1_466_605_350_000))
    );
    assert_eq!(survey.devices, ["Galaxy S3"]);
    assert_eq!(survey.environments[0].points[0].id, "f3-x1.50-y2.00");
    assert_eq!(survey.access_points.names(), ["AP001", "AP003"], "AP002 is heard on floor 0 only");
}

#[test]
fn uji_library_filters() {
    let folder = two_months();
    // A month that is not asked for is not opened: this one could not be read.
    std::fs::write(folder.path().join("03.zip"), "no zip file").unwrap();
    let only = |names: &[&str]| ImportOptions {
        environments: Some(names.iter().map(|n| (*n).to_owned()).collect()),
        ..ImportOptions::default()
    };
    let (survey, _) = run(ImportFormat::UjiLibrary, folder.path(), &only(&["02"])).unwrap();
    assert_eq!(names(&survey), ["02"]);
    let error = run(ImportFormat::UjiLibrary, folder.path(), &only(&["02", "26"])).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("`26`") && message.contains("which has 01, 02, 03"), "{message}");
    assert!(message.contains(folder.path().to_str().unwrap()), "{message}");
    let message = run(ImportFormat::UjiLibrary, folder.path(), &only(&["03"])).unwrap_err();
    assert!(message.to_string().contains("03.zip: not a whole zip file"), "{message}");
    std::fs::remove_file(folder.path().join("03.zip")).unwrap();
    let sets = ImportOptions { sets: Some(vec!["tst*".into()]), ..ImportOptions::default() };
    assert_eq!(names(&run(ImportFormat::UjiLibrary, folder.path(), &sets).unwrap().0), ["02"]);
    let by = |by| ImportOptions { environment_by: Some(by), ..ImportOptions::default() };
    let by_set = run(ImportFormat::UjiLibrary, folder.path(), &by(EnvironmentBy::Set)).unwrap().0;
    assert_eq!(names(&by_set), ["01-trn01", "02-tst01"]);
    let error = run(ImportFormat::UjiLibrary, folder.path(), &by(EnvironmentBy::Building));
    let message = error.unwrap_err().to_string();
    assert!(message.contains("uji-library knows month, floor, device, set, all"), "{message}");
}

#[test]
fn uji_library_bad_input() {
    let refused = |file: &str, text: &str, parts: &[&str]| {
        let folder = two_months();
        put(folder.path(), &[(file, text)]);
        let error = run(ImportFormat::UjiLibrary, folder.path(), &ImportOptions::default());
        let message = error.unwrap_err().to_string();
        for part in [file].iter().chain(parts) {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    };
    refused("02/tst01rss.csv", "-71,x,-55\n", &["row 1", "column 2 is `x`", "100 for not heard"]);
    refused("02/tst01rss.csv", "-71,3,-55\n", &["row 1", "column 2: RSS is 3 dBm"]);
    refused("02/tst01rss.csv", "-71,NaN,-55\n", &["row 1", "column 2"]);
    refused("02/tst01rss.csv", "-71,-55\n", &["row 1", "2 columns where", "3"]);
    refused("02/tst01rss.csv", "-71,100,-55\n-71,100\n", &["row 2", "2 cells where 3"]);
    refused("02/tst01rss.csv", "-71,100,-55\n-71,100,-55\n", &["row 2", "crd file has 1"]);
    refused("01/trn01rss.csv", "-71,100,-55\n", &["row 2", "1 rows", "crd file has 5"]);
    refused("02/tst01crd.csv", "1.5,here,3\n", &["row 1", "y is `here`"]);
    refused("02/tst01crd.csv", "1.5,2,3.5\n", &["row 1", "floor is 3.5"]);
    refused("02/tst01tms.csv", "noon\n", &["row 1", "`noon`", "yyyymmddHHMMSSmmm"]);
    refused("02/tst01ids.csv", "1\n2\n", &["row 2", "2 rows"]);
    let folder = two_months();
    std::fs::remove_file(folder.path().join("02/tst01crd.csv")).unwrap();
    let error = run(ImportFormat::UjiLibrary, folder.path(), &ImportOptions::default());
    assert!(error.unwrap_err().to_string().contains("tst01crd.csv: there is no such file"));
    for missing in [folder.path().join("02/none"), folder.path().join("09.zip")] {
        let error = run(ImportFormat::UjiLibrary, &missing, &ImportOptions::default());
        assert!(error.unwrap_err().to_string().contains("10.5281/zenodo.1066041"));
    }
}

const WIDE_HEADER: &str = "WAP001,WAP002,LONGITUDE,LATITUDE,FLOOR,BUILDINGID,SPACEID,\
                           RELATIVEPOSITION,USERID,PHONEID,TIMESTAMP\n";

fn wide(rows: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &[("trainingData.csv", &format!("{WIDE_HEADER}{rows}"))]);
    folder
}

#[test]
fn ujiindoorloc_rows_become_environments_by_building_and_floor() {
    let place = "-7541.2642999999925,4864920.7782000005,2,1,106,2,2,23";
    // The second is like the first but for the phone's clock; the third like the second.
    let folder = wide(&format!(
        "100,-60,{place},1371713733\n100,-60,{place},1371713734\n100,-60,{place},1371713734\n\
         100,100,{place},1371713735\n-40,-61,-7540,4864900,0,0,106,2,2,8,1371713733\n"
    ));
    let read = |drop| {
        let options = ImportOptions { drop_duplicates: Some(drop), ..ImportOptions::default() };
        run(ImportFormat::UjiIndoorLoc, folder.path(), &options).unwrap()
    };
    let (survey, report) = read(DropDuplicates::Rows);
    assert_eq!(names(&survey), ["b0-f0", "b1-f2"]);
    assert_eq!((report.rows_read, report.n_dropped(), report.rows_kept), (5, 2, 3));
    assert_eq!(read(DropDuplicates::RssPosition).1.n_dropped(), 3);
    assert_eq!(read(DropDuplicates::Nothing).1.n_dropped(), 1, "the empty row");
    let environment = &survey.environments[1];
    assert!((environment.points[0].position.x_m + 7_541.264_299_999_992_5).abs() < 1e-12);
    assert_eq!(&*environment.samples[0].id, "training-2", "named after its row in the file");
    assert_eq!(survey.devices, ["phone-8", "phone-23"]);
}

#[test]
fn ujiindoorloc_bad_input() {
    let refused = |rows: &str, parts: &[&str]| {
        let folder = wide(rows);
        let error = run(ImportFormat::UjiIndoorLoc, folder.path(), &ImportOptions::default());
        let message = error.unwrap_err().to_string();
        for part in ["trainingData.csv"].iter().chain(parts) {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    };
    refused("100,-60,1,2,0,0,1,1,1,1,5\n100,-60,1,2\n", &["row 3", "4 cells where 11"]);
    refused("100,-160,1,2,0,0,1,1,1,1,5\n", &["row 2", "column 2: RSS is -160 dBm"]);
    refused("100,-60,west,2,0,0,1,1,1,1,5\n", &["row 2", "LONGITUDE is `west`"]);
    refused("100,NaN,1,2,0,0,1,1,1,1,5\n", &["row 2", "column 2 is `NaN`"]);
    refused("100,-60,1,2,0,0,1,1,1,1,5\r\n100,-60,1,2\r\n", &["row 3", "4 cells where 11"]);
    refused("100,12,1,2,0,0,1,1,1,1,5\n", &["row 2", "column 2: RSS is 12 dBm"]);
    refused("100,-60,1,2,0,0,1,1,1,1,1e300\n", &["row 2", "TIMESTAMP is 1e300"]);
    refused("100,-60,1,2,0.5,0,1,1,1,1,5\n", &["row 2", "FLOOR is 0.5"]);
    let deaf = wide("100,100,1,2,0,0,1,1,1,1,5\n");
    let error = run(ImportFormat::UjiIndoorLoc, deaf.path(), &ImportOptions::default());
    let message = error.unwrap_err().to_string();
    assert!(message.contains("no sample is left to import: 1 rows were read, 1"), "{message}");
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &[("trainingData.csv", "WAP001,X,Y\n100,1,2\n")]);
    let error = run(ImportFormat::UjiIndoorLoc, folder.path(), &ImportOptions::default());
    assert!(error.unwrap_err().to_string().contains("the header ends in WAP001, X, Y; it must be"));
    let empty = tempfile::tempdir().unwrap();
    let error = run(ImportFormat::UjiIndoorLoc, empty.path(), &ImportOptions::default());
    let message = error.unwrap_err().to_string();
    assert!(message.contains("neither trainingData.csv nor validationData.csv"), "{message}");
}

fn tidy(samples: &str, rss: &str, access_points: Option<&str>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), &[("samples.csv", samples), ("rss.csv", rss)]);
    if let Some(text) = access_points {
        put(folder.path(), &[("access_points.csv", text)]);
    }
    folder
}

#[test]
fn tidy_tables() {
    let samples = "sample_id,x_m,y_m,environment,point_id\ns1,0,0,day,door\ns2,0,0,day,door\n\
                   s3,4,0,night,\ns4,4,0,night,\n";
    let rss = "sample_id,access_point,dbm\ns1,b,-50\ns1,a,-50\ns2,a,-51\ns3,c,-52\n";
    let folder = tidy(samples, rss, Some("access_point,x_m,y_m\na,0,0\nb,1,1\nc,2,2\nd,3,3\n"));
    let (survey, report) =
        run(ImportFormat::TidyCsv, folder.path(), &ImportOptions::default()).unwrap();
    assert_eq!(names(&survey), ["day", "night"]);
    assert_eq!((report.rows_read, report.rows_kept, report.files), (4, 3, 3));
    assert_eq!(survey.environments[0].points.len(), 1);
    assert_eq!(survey.environments[1].points[0].id, "f0-x4.00-y0.00");
    assert_eq!(survey.access_points.names(), ["a", "b", "c"]);
    let out = folder.path().join("survey");
    survey.write(&out).unwrap();
    assert_eq!(SurveyFormat::Survey.load(&out, None, None).unwrap(), survey);
}

#[test]
fn tidy_tables_bad_input() {
    let refused = |samples: &str, rss: &str, list: Option<&str>, parts: &[&str]| {
        let folder = tidy(
            &format!("sample_id,x_m,y_m,point_id\n{samples}"),
            &format!("sample_id,access_point,dbm\n{rss}"),
            list,
        );
        let error = run(ImportFormat::TidyCsv, folder.path(), &ImportOptions::default());
        let message = error.unwrap_err().to_string();
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    };
    refused("s,0,0,\n", "s,a,-50\nt,a,-50\n", None, &["rss.csv, row 3", "sample `t` is not in"]);
    refused("s,0,0,\ns,1,0,\n", "s,a,-50\n", None, &["samples.csv, row 3", "`s` stands twice"]);
    refused("s,0,0,\n", "s,a,-50\ns,a,-50\n", None, &["rss.csv, row 3", "`a` stands twice"]);
    refused("s,0,0,p\nt,1,0,p\n", "s,a,-5\nt,a,-5\n", None, &["samples.csv, row 3", "`p` stands"]);
    refused(
        "s,0,0,\n",
        "s,b,-50\n",
        Some("access_point\na\n"),
        &["rss.csv, row 2", "`b` is not in"],
    );
    refused("s,0,0,\n", "s,a,-50\n", Some("name\na\n"), &["access_points.csv", "is missing"]);
    refused("s,0,,\n", "s,a,-50\n", None, &["samples.csv, row 2", "`y_m` is ``"]);
    refused("s,0,0,\n", "s,a,-5\r\n\r\nt,a,-5\r\n", None, &["rss.csv, row 4", "sample `t`"]);
}

#[test]
fn tidy_tables_that_are_not_there() {
    let message = |folder: &Path| {
        let error = run(ImportFormat::TidyCsv, folder, &ImportOptions::default());
        error.unwrap_err().to_string()
    };
    let rss = "sample_id,access_point,dbm\ns,a,-50\n";
    let folder = tidy("sample_id,x_m\ns,0\n", rss, None);
    let text = message(folder.path());
    assert!(text.contains("samples.csv: the column `y_m` is missing"), "{text}");
    assert!(text.contains("it must be sample_id,x_m,y_m, and may have floor"), "{text}");
    std::fs::remove_file(folder.path().join("samples.csv")).unwrap();
    let text = message(folder.path());
    assert!(text.contains("samples.csv: there is no such file") && text.contains("x_m,y_m"));
    std::fs::remove_file(folder.path().join("rss.csv")).unwrap();
    assert!(message(folder.path()).contains("rss.csv: there is no such file"));
    assert!(message(Path::new("no/such")).contains("no/such/rss.csv: there is no such"));
    let folder = tidy("sample_id,x_m,y_m\ns,0,0\n", "sample_id,access_point,dbm\ns,a,12\n", None);
    assert!(message(folder.path()).contains("rss.csv, row 2: RSS is 12 dBm"));
}

#[test]
fn tidy_environments_that_were_not_asked_for() {
    let samples = "sample_id,x_m,y_m,environment,device\ns1,0,0,day,old\ns2,0,0,night,new\n";
    let rss = "sample_id,access_point,dbm\ns1,a,-50\ns2,a,-51\n";
    let folder = tidy(samples, rss, None);
    let only = |name: &str| ImportOptions {
        environments: Some(vec![name.to_owned()]),
        ..ImportOptions::default()
    };
    let (survey, report) = run(ImportFormat::TidyCsv, folder.path(), &only("night")).unwrap();
    assert_eq!((names(&survey), report.not_asked_for), (vec!["night"], 1));
    let error = run(ImportFormat::TidyCsv, folder.path(), &only("noon")).unwrap_err().to_string();
    assert!(error.contains("unknown environment `noon`") && error.contains("which has day, night"));
    let by =
        ImportOptions { environment_by: Some(EnvironmentBy::Device), ..ImportOptions::default() };
    let survey = run(ImportFormat::TidyCsv, folder.path(), &by).unwrap().0;
    assert_eq!(names(&survey), ["new", "old"]);
}

/// A download that broke off: in the archive, behind it, and in a gzipped table.
#[test]
fn damaged_archives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("05.zip");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    let months = two_months();
    for name in ["tst01rss.csv", "tst01tms.csv", "tst01ids.csv"] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        let text = std::fs::read(months.path().join("02").join(name)).unwrap();
        std::io::Write::write_all(&mut archive, &text).unwrap();
    }
    archive.finish().unwrap();
    let message =
        |format, path: &Path| run(format, path, &ImportOptions::default()).unwrap_err().to_string();
    let text = message(ImportFormat::UjiLibrary, &path);
    assert!(text.contains("05.zip/tst01crd.csv: not in the zip file"), "{text}");
    assert!(text.contains("fetch the data again"), "{text}");
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 1, 30, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let text = message(ImportFormat::UjiLibrary, &path);
        assert!(text.contains("05.zip: not a whole zip file"), "{length}: {text}");
        assert!(text.contains("fetch it again"), "{length}: {text}");
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let table = WIDE_HEADER.to_owned() + &"100,-60,1,2,0,0,1,1,1,1,5\n".repeat(500);
    std::io::Write::write_all(&mut packed, table.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let path = folder.path().join("trainingData.csv.gz");
    std::fs::write(&path, &packed[..packed.len() / 2]).unwrap();
    let text = message(ImportFormat::UjiIndoorLoc, &path);
    assert!(text.contains("trainingData.csv.gz") && text.contains("fetch or copy it"), "{text}");
    std::fs::write(&path, "no gzip").unwrap();
    assert!(message(ImportFormat::UjiIndoorLoc, &path).contains("trainingData.csv.gz"));
}

/// Where was looked, and where the publisher offers the data.
#[test]
fn data_that_is_not_there() {
    let places = [
        (ImportFormat::UjiLibrary, "10.5281/zenodo.1066041"),
        (ImportFormat::UjiIndoorLoc, "UCI Machine Learning Repository"),
    ];
    for (format, publisher) in places {
        for path in ["no/data", "no/07.zip", "no/trainingData.csv"] {
            let error = run(format, Path::new(path), &ImportOptions::default()).unwrap_err();
            assert!(matches!(error, SurveyError::NoData { .. }), "{error:?}");
            let message = error.to_string();
            assert!(message.contains(path) && message.contains(publisher), "{message}");
        }
    }
}

#[test]
fn names_of_formats_and_options() {
    for name in ["uji-library", "ujiindoorloc", "tidy-csv", "polyu", "csu", "captures"] {
        assert_eq!(name.parse::<ImportFormat>().unwrap().to_string(), name);
    }
    for name in ["month", "day", "floor", "building", "device", "set", "environment", "all"] {
        assert_eq!(name.parse::<EnvironmentBy>().unwrap().to_string(), name);
    }
    let message = "week".parse::<EnvironmentBy>().unwrap_err().to_string();
    assert!(message.contains("`week`: month, day, floor"), "{message}");
    assert!("some".parse::<DropDuplicates>().is_err() && "xml".parse::<ImportFormat>().is_err());
}
